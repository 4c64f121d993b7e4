// Netlink over libmnl: ask the kernel, walk its answers.
#include "stages/proc-source/netlink.h"

#include <libmnl/libmnl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace gala::proc_source {
namespace {

/// The kernel makes dump datagrams of at most 32 KiB.
constexpr std::size_t buffer_bytes = std::size_t{64} << 10;
/// An answer that takes longer is given up, so that no tick can hang.
constexpr timeval answer_timeout{.tv_sec = 0, .tv_usec = 200'000};

}  // namespace

std::map<std::uint16_t, Bytes> parse_attributes(Bytes bytes) {
  std::map<std::uint16_t, Bytes> attributes;
  const auto* one = reinterpret_cast<const nlattr*>(bytes.data());
  const auto left = [&] {
    return static_cast<int>(bytes.data() + bytes.size() -
                            reinterpret_cast<const std::uint8_t*>(one));
  };
  for (; left() > 0 && mnl_attr_ok(one, left()); one = mnl_attr_next(one)) {
    attributes[mnl_attr_get_type(one)] = {
        static_cast<const std::uint8_t*>(mnl_attr_get_payload(one)), mnl_attr_get_payload_len(one)};
  }
  return attributes;
}

std::string text_of(Bytes bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), std::uint8_t{0});
  return {bytes.begin(), end};
}

Bytes after(Bytes bytes, std::size_t size) {
  return bytes.subspan(std::min<std::size_t>(bytes.size(), MNL_ALIGN(size)));
}

bool for_each_message(Bytes datagram, const std::function<void(std::uint16_t, Bytes)>& visit) {
  const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
  int left = static_cast<int>(datagram.size());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
      return true;
    }
    visit(message->nlmsg_type, {static_cast<const std::uint8_t*>(mnl_nlmsg_get_payload(message)),
                                mnl_nlmsg_get_payload_len(message)});
  }
  return false;
}

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer_.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

void NetlinkRequest::put_header(Bytes header) {
  std::ranges::copy(header, static_cast<std::uint8_t*>(
                                mnl_nlmsg_put_extra_header(this->header(), header.size())));
}

void NetlinkRequest::put_attribute(std::uint16_t type, Bytes value) {
  whole_ = mnl_attr_put_check(header(), buffer_.size(), type, value.size(), value.data()) && whole_;
}

NetlinkSocket::NetlinkSocket(Socket socket) : socket_(std::move(socket)), buffer_(buffer_bytes) {}

Result<NetlinkSocket> NetlinkSocket::open(int family) {
  Socket socket(mnl_socket_open2(family, SOCK_CLOEXEC));
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return fail("cannot open a netlink socket of family " + std::to_string(family) + ": " +
                std::strerror(errno));
  }
  ::setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout,
               sizeof answer_timeout);
  return NetlinkSocket(std::move(socket));
}

Result<> NetlinkSocket::ask(NetlinkRequest& request,
                            const std::function<void(std::uint16_t, Bytes)>& visit) {
  nlmsghdr& header = *request.header();
  header.nlmsg_seq = ++sequence_;
  if (!request.whole_) {
    return fail("a netlink request has more attributes than fit into it");
  }
  if (mnl_socket_sendto(socket_.get(), &header, header.nlmsg_len) < 0) {
    return fail(std::string("a netlink request was refused: ") + std::strerror(errno));
  }
  for (;;) {
    const ssize_t bytes = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (bytes < 0) {
      return fail(std::string("no netlink answer: ") + std::strerror(errno));
    }
    const Bytes datagram(buffer_.data(), static_cast<std::size_t>(bytes));
    const auto first = read_struct<nlmsghdr>(datagram);
    if (!first || first->nlmsg_seq != sequence_) {
      continue;  // the late answer to a request that was given up
    }
    if (first->nlmsg_type == NLMSG_ERROR) {
      const auto error = read_struct<nlmsgerr>(datagram.subspan(sizeof(nlmsghdr)));
      return error && error->error == 0
                 ? Result<>{}
                 : fail(std::string("netlink: ") + std::strerror(error ? -error->error : EPROTO));
    }
    const bool ended = for_each_message(datagram, visit);
    if (ended || (header.nlmsg_flags & NLM_F_DUMP) == 0) {
      return {};
    }
  }
}

}  // namespace gala::proc_source
