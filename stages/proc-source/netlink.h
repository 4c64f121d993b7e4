// Netlink over libmnl: ask the kernel, walk its answers. Nothing here knows what the attributes
// mean.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

struct mnl_socket;
extern "C" int mnl_socket_close(mnl_socket* socket);

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

/// A request as it is built: its header, a struct of the family, attributes.
class NetlinkRequest {
 public:
  NetlinkRequest(std::uint16_t type, std::uint16_t flags);
  /// Requires: comes before any attribute, and fits.
  template <class Struct>
  void put(const Struct& header) {
    static_assert(sizeof(Struct) <= 64);
    put_header({reinterpret_cast<const std::uint8_t*>(&header), sizeof header});
  }
  void put_attribute(std::uint16_t type, Bytes value);

 private:
  friend class NetlinkSocket;
  void put_header(Bytes header);
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }

  alignas(nlmsghdr) std::array<std::uint8_t, 512> buffer_{};
  bool whole_ = true;
};

/// A socket to one netlink family. Answers come at once: the kernel fills them in during the call.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open(int family);

  /// Sends the request and visits every message of the answer.
  Result<> ask(NetlinkRequest& request, const std::function<void(std::uint16_t, Bytes)>& visit);

 private:
  using Socket = Handle<mnl_socket, mnl_socket_close>;
  explicit NetlinkSocket(Socket socket);

  Socket socket_;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace gala::proc_source
