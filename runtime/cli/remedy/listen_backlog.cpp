// Borrows listening sockets of other processes by pidfd_getfd (Linux 5.6).
#include "runtime/cli/remedy/listen_backlog.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

namespace gala {
namespace {

std::string reason() {
  return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe)
}

bool listens(const FileDescriptor& socket) {
  int yes = 0;
  socklen_t size = sizeof(yes);
  return ::getsockopt(socket.value(), SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes == 1;
}

std::optional<std::uint16_t> port_of(const FileDescriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(socket.value(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return std::nullopt;
  }
  // The port stands at the same place in both.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  const bool internet = address.ss_family == AF_INET || address.ss_family == AF_INET6;
  return internet ? std::optional(ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port))
                  : std::nullopt;
}

std::optional<int> number_of(const std::filesystem::path& path) {
  const std::string text = path.filename();
  int number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc{} ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<std::vector<FileDescriptor>> listening_sockets(const Listener& listener) {
  const FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, listener.pid, 0)));
  std::error_code failed;
  const std::filesystem::directory_iterator files(fmt::format("/proc/{}/fd", listener.pid), failed);
  if (!process || failed) {
    return fail(
        fmt::format("cannot look into process {}: it is gone, or this needs root", listener.pid));
  }
  std::vector<FileDescriptor> found;
  for (const auto& file : files) {
    const auto number = number_of(file.path());
    const std::string kind = std::filesystem::read_symlink(file.path(), failed);
    if (failed || !number || !kind.starts_with("socket:")) {
      continue;
    }
    FileDescriptor socket(
        static_cast<int>(::syscall(SYS_pidfd_getfd, process.value(), *number, 0)));
    if (!socket && errno == EPERM) {
      return fail(
          fmt::format("may not borrow the sockets of process {}; this needs root", listener.pid));
    }
    if (socket && listens(socket) && port_of(socket) == listener.port) {
      found.push_back(std::move(socket));
    }
  }
  if (found.empty()) {
    return fail(fmt::format("process {} does not listen on port {}", listener.pid, listener.port));
  }
  return found;
}

Result<std::uint32_t> backlog_of(const Listener& listener) {
  std::uint32_t shortest = std::numeric_limits<std::uint32_t>::max();
  for (const FileDescriptor& socket : TRY(listening_sockets(listener))) {
    tcp_info info{};
    socklen_t size = sizeof(info);
    if (::getsockopt(socket.value(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
      return fail("cannot read the length of an accept queue: " + reason());
    }
    // For a listening socket the kernel tells here what fits into its accept queue.
    shortest = std::min(shortest, info.tcpi_sacked);
  }
  return shortest;
}

Result<void> set_backlog(const Listener& listener, std::uint32_t connections) {
  const auto most = static_cast<std::uint32_t>(std::numeric_limits<int>::max());
  for (const FileDescriptor& socket : TRY(listening_sockets(listener))) {
    if (::listen(socket.value(), static_cast<int>(std::min(connections, most))) != 0) {
      return fail("cannot change the length of an accept queue: " + reason());
    }
  }
  return {};
}

}  // namespace gala
