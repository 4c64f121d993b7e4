// Raw netlink: ask the kernel, walk its answers. Nothing here knows what the attributes mean.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala::proc_source {

using Bytes = std::span<const std::uint8_t>;

/// Attributes of a message by type; views into it. The last of several with one type wins; a cut
/// one ends the walk.
std::map<std::uint16_t, Bytes> parse_attributes(Bytes bytes);

/// The fixed struct at the start of `bytes`; nothing when they are shorter.
template <class Struct>
std::optional<Struct> read_struct(Bytes bytes) {
  if (bytes.size() < sizeof(Struct)) {
    return std::nullopt;
  }
  Struct value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// As much of the struct as there is; older kernels send shorter ones. The rest is zero.
template <class Struct>
Struct read_prefix(Bytes bytes) {
  Struct value{};
  std::memcpy(&value, bytes.data(), bytes.size() < sizeof value ? bytes.size() : sizeof value);
  return value;
}

/// Text up to the first NUL.
std::string text_of(Bytes bytes);

/// The payload behind a struct of `size` bytes, aligned as netlink does.
Bytes after(Bytes bytes, std::size_t size);

/// Walks the messages of one datagram: `visit(type, payload)` for each. True when it held the end
/// of a dump, or an error.
bool for_each_message(Bytes datagram, const std::function<void(std::uint16_t, Bytes)>& visit);

/// A socket to one netlink family. Answers come at once: the kernel fills them in during the call.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open(int family);

  /// Sends one request (`body` follows the header) and visits every message of the answer.
  Result<> ask(std::uint16_t type, std::uint16_t flags, Bytes body,
               const std::function<void(std::uint16_t, Bytes)>& visit);

 private:
  explicit NetlinkSocket(FileDescriptor socket);

  FileDescriptor socket_;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace gala::proc_source
