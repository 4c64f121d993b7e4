// Makes one of the bottlenecks of docs/bottlenecks.md for a while:
//   bottleneck surge SECONDS           a function that burns a CPU
//   bottleneck leak SECONDS MIB_PER_S  sessions that are never forgotten
//   bottleneck disk SECONDS FILE       small writes, each forced to the disk
//   bottleneck unread SECONDS          a sender, and a receiver that stops reading
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

[[gnu::noinline]] std::uint64_t compute_checksums(std::uint64_t seed) {
  for (int i = 0; i < 1'000'000; ++i) {
    seed = (seed ^ (seed >> 29)) * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(i);
  }
  return seed;
}

[[gnu::noinline]] std::uint64_t serve_requests(Clock::time_point end) {
  std::uint64_t sum = 1;
  while (Clock::now() < end) {
    sum += compute_checksums(sum);
  }
  return sum;
}

using Sessions = std::vector<std::unique_ptr<std::array<char, 65536>>>;

[[gnu::noinline]] void remember_session(Sessions& sessions) {
  sessions.push_back(std::make_unique<std::array<char, 65536>>());
  sessions.back()->fill('s');
}

[[gnu::noinline]] void leak(Clock::time_point end, int mib_per_s) {
  constexpr int sessions_per_mib = 16;
  Sessions sessions;
  while (Clock::now() < end) {
    for (int i = 0; i < mib_per_s * sessions_per_mib / 10; ++i) {
      remember_session(sessions);
    }
    std::this_thread::sleep_for(100ms);
  }
}

int write_log(Clock::time_point end, const char* path) {
  const int file = ::open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  const std::array<char, 4096> block{};
  while (file >= 0 && Clock::now() < end) {
    if (::write(file, block.data(), block.size()) < 0 || ::fdatasync(file) != 0) {
      break;
    }
  }
  return file >= 0 ? ::close(file) : 1;
}

void send_all(int socket, Clock::time_point end) {
  const std::array<char, 65536> block{};
  while (Clock::now() < end && ::send(socket, block.data(), block.size(), MSG_NOSIGNAL) > 0) {
  }
}

/// Reads for a third of the time, then stops though the connection stays open.
void receive_some(int socket, Clock::time_point begin, Clock::time_point end) {
  std::array<char, 65536> block{};
  const auto stops = begin + (end - begin) / 3;
  while (Clock::now() < stops && ::recv(socket, block.data(), block.size(), 0) > 0) {
    std::this_thread::sleep_for(1ms);
  }
  std::this_thread::sleep_until(end);
}

int transfer(Clock::time_point end) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, generic, &size) != 0) {
    return 1;
  }
  const pid_t receiver = ::fork();
  if (receiver == 0) {
    const int socket = ::accept(listener, nullptr, nullptr);
    receive_some(socket, Clock::now(), end);
    ::_exit(0);
  }
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(socket, generic, size) != 0) {
    return 1;
  }
  const timeval patience{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  while (Clock::now() < end) {
    send_all(socket, end);
  }
  ::waitpid(receiver, nullptr, 0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "bottleneck surge|leak|disk|unread SECONDS [MIB_PER_S|FILE]\n");
    return 2;
  }
  const std::string_view kind = argv[1];
  const auto end = Clock::now() + std::chrono::seconds(std::atoi(argv[2]));
  if (kind == "surge") {
    return serve_requests(end) == 0 ? 1 : 0;
  }
  if (kind == "leak") {
    leak(end, argc > 3 ? std::atoi(argv[3]) : 1);
    return 0;
  }
  if (kind == "disk") {
    return write_log(end, argc > 3 ? argv[3] : "/var/tmp/bottleneck.log");
  }
  return transfer(end);
}
