// A client of the table for requests that are answered at once: its own waking up is a few
// microseconds, where an interpreter would need as long as the request. Arguments: the port, the
// clock (monotonic, in seconds) at which it ends, the file for its testimony.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/os.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace gala {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t body_bytes = 64;
constexpr std::size_t reply_bytes = 64;
constexpr std::size_t reply_head_bytes = 5;
constexpr timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};

int connect_to(std::uint16_t port) {
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

/// A request of frames.py that asks for no work.
std::vector<char> request() {
  const std::array<std::uint32_t, 3> head{htonl(body_bytes), 0, htonl(reply_bytes)};
  std::vector<char> data(sizeof(head) + body_bytes, 'q');
  std::copy_n(reinterpret_cast<const char*>(head.data()), sizeof(head), data.begin());
  return data;
}

bool exchange(int descriptor, const std::vector<char>& data) {
  std::array<char, reply_head_bytes + reply_bytes> reply{};
  return ::send(descriptor, data.data(), data.size(), MSG_NOSIGNAL) ==
             static_cast<ssize_t>(data.size()) &&
         ::recv(descriptor, reply.data(), reply.size(), MSG_WAITALL) ==
             static_cast<ssize_t>(reply.size());
}

int ask(std::uint16_t port, double until_s, const char* file) {
  const int descriptor = connect_to(port);
  const std::vector<char> data = request();
  const auto until = Clock::time_point{
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(until_s))};
  std::vector<std::int64_t> times_ns;
  while (Clock::now() < until) {
    const auto began = Clock::now();
    if (!exchange(descriptor, data)) {
      return EXIT_FAILURE;
    }
    const std::chrono::nanoseconds took = Clock::now() - began;
    times_ns.push_back(took.count());
    ::nanosleep(&pause, nullptr);
  }
  std::ranges::sort(times_ns);
  auto out = fmt::output_file(file);
  out.print("{{\"requests\": {}, \"times_ns\": [{}], \"rests_ns\": []}}\n", times_ns.size(),
            fmt::join(times_ns, ", "));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace gala

int main(int argc, char** argv) {
  if (argc != 4) {
    return EXIT_FAILURE;
  }
  return gala::ask(static_cast<std::uint16_t>(std::atoi(argv[1])), std::atof(argv[2]), argv[3]);
}
