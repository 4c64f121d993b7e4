// What the fast peers of these tests say to each other, as frames.py has it: the client decides how
// long the server works. And what such a client needs besides.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/os.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace gala::frames {

inline constexpr std::size_t body_bytes = 64;
inline constexpr std::size_t reply_bytes = 64;
/// Bytes that follow, microseconds of work, bytes of the reply.
using RequestHead = std::array<std::uint32_t, 3>;
inline constexpr std::size_t request_bytes = sizeof(RequestHead) + body_bytes;
inline constexpr std::size_t whole_reply_bytes = sizeof(std::uint32_t) + 1 + reply_bytes;
inline constexpr char kind_reply = 1;

inline std::vector<char> request(std::uint32_t work_us) {
  const RequestHead head{htonl(body_bytes), htonl(work_us), htonl(reply_bytes)};
  std::vector<char> data(request_bytes, 'q');
  std::copy_n(reinterpret_cast<const char*>(head.data()), sizeof(head), data.begin());
  return data;
}

/// -1 when nobody listens.
inline int connect_to(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(descriptor, generic, sizeof(address)) == 0 ? descriptor : -1;
}

/// Sends a request and waits for its reply.
inline bool exchange(int descriptor, const std::vector<char>& data) {
  std::array<char, whole_reply_bytes> reply{};
  return ::send(descriptor, data.data(), data.size(), MSG_NOSIGNAL) ==
             static_cast<ssize_t>(data.size()) &&
         ::recv(descriptor, reply.data(), reply.size(), MSG_WAITALL) ==
             static_cast<ssize_t>(reply.size());
}

/// What witness.py reads.
inline void testify(const char* file, std::vector<std::int64_t> times_ns) {
  std::ranges::sort(times_ns);
  auto out = fmt::output_file(file);
  out.print("{{\"requests\": {}, \"times_ns\": [{}], \"rests_ns\": []}}\n", times_ns.size(),
            fmt::join(times_ns, ", "));
}

inline std::chrono::steady_clock::time_point monotonic(double seconds) {
  return std::chrono::steady_clock::time_point{
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(
          std::chrono::duration<double>(seconds))};
}

}  // namespace gala::frames
