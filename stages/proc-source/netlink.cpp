// Raw netlink: ask the kernel, walk its answers.
#include "stages/proc-source/netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace gala::proc_source {
namespace {

/// The kernel makes dump datagrams of at most 32 KiB.
constexpr std::size_t buffer_bytes = std::size_t{64} << 10;
/// An answer that takes longer is given up, so that no tick can hang.
constexpr timeval answer_timeout{.tv_sec = 0, .tv_usec = 200'000};

constexpr std::size_t aligned(std::size_t size) {
  return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}

}  // namespace

std::map<std::uint16_t, Bytes> parse_attributes(Bytes bytes) {
  std::map<std::uint16_t, Bytes> attributes;
  while (const auto header = read_struct<nlattr>(bytes)) {
    if (header->nla_len < sizeof(nlattr) || header->nla_len > bytes.size()) {
      break;
    }
    const auto type = static_cast<std::uint16_t>(header->nla_type & NLA_TYPE_MASK);
    attributes[type] = bytes.subspan(sizeof(nlattr), header->nla_len - sizeof(nlattr));
    bytes = bytes.subspan(std::min(bytes.size(), aligned(header->nla_len)));
  }
  return attributes;
}

std::string text_of(Bytes bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), std::uint8_t{0});
  return {bytes.begin(), end};
}

Bytes after(Bytes bytes, std::size_t size) {
  return bytes.subspan(std::min(bytes.size(), aligned(size)));
}

bool for_each_message(Bytes datagram, const std::function<void(std::uint16_t, Bytes)>& visit) {
  while (const auto header = read_struct<nlmsghdr>(datagram)) {
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) {
      break;
    }
    if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
      return true;
    }
    visit(header->nlmsg_type,
          datagram.subspan(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr)));
    datagram = datagram.subspan(std::min(datagram.size(), aligned(header->nlmsg_len)));
  }
  return false;
}

NetlinkSocket::NetlinkSocket(FileDescriptor socket)
    : socket_(std::move(socket)), buffer_(buffer_bytes) {}

Result<NetlinkSocket> NetlinkSocket::open(int family) {
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family));
  if (!socket) {
    return fail("cannot open a netlink socket of family " + std::to_string(family) + ": " +
                std::strerror(errno));
  }
  ::setsockopt(socket.value(), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout, sizeof answer_timeout);
  return NetlinkSocket(std::move(socket));
}

Result<> NetlinkSocket::ask(std::uint16_t type, std::uint16_t flags, Bytes body,
                            const std::function<void(std::uint16_t, Bytes)>& visit) {
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + body.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = ++sequence_;
  std::vector<std::uint8_t> request(sizeof header + body.size());
  std::memcpy(request.data(), &header, sizeof header);
  std::copy(body.begin(), body.end(), request.begin() + sizeof header);
  if (::send(socket_.value(), request.data(), request.size(), 0) < 0) {
    return fail(std::string("a netlink request was refused: ") + std::strerror(errno));
  }
  for (;;) {
    const ssize_t bytes = ::recv(socket_.value(), buffer_.data(), buffer_.size(), 0);
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
    if (ended || (flags & NLM_F_DUMP) == 0) {
      return {};
    }
  }
}

}  // namespace gala::proc_source
