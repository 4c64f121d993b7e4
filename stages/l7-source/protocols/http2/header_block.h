// Header blocks of one direction of an HTTP/2 connection, decompressed by libnghttp2.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/core/handle.h"
#include "stages/l7-source/protocol.h"

namespace gala::l7_source::http2 {

/// What is wanted of a block; "" where it has none.
struct Headers {
  std::string method;
  std::string path;
  std::string status;
  std::string content_type;
  std::string grpc_status;
  std::string traceparent;
};

/// Keeps the table of names and values that both ends share, so each block is read, in order.
class HeaderBlocks {
 public:
  HeaderBlocks();

  /// The other end allows a table of so many bytes; it is 4096 until then (RFC 9113, 6.5.2). A
  /// smaller one takes effect when the encoder says so in a block.
  void allow_table(std::uint32_t size);
  /// A block was missed: what the table held is not known any more. Later entries are, since the
  /// newest counts first; older ones are read as nothing.
  void forget();
  /// False: the block contradicts the table or is a bomb; nothing after it can be trusted.
  bool read(Bytes block, Headers& headers);

 private:
  std::uint32_t table_ = 4096;
  Handle<nghttp2_hd_inflater, nghttp2_hd_inflate_del> inflater_;
};

}  // namespace gala::l7_source::http2
