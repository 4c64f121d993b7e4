// Non-blocking clients driven by one epoll loop and a timer.
#include "runtime/cli/demo/load.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cli/demo/resp.h"
#include "runtime/core/handle.h"
#include "runtime/core/time.h"

namespace gala::demo {
namespace {

constexpr int ticks_per_s = 1000;
constexpr int keys = 10000;

/// The figures are written by one process and read by another.
void add(std::uint64_t& figure, std::uint64_t amount) {
  std::atomic_ref(figure).fetch_add(amount, std::memory_order_relaxed);
}

FileDescriptor connect_to(std::uint16_t port, int flags) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  ::setsockopt(socket.value(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.value(), generic, sizeof(address)) != 0 && errno != EINPROGRESS) {
    return FileDescriptor();
  }
  return socket;
}

std::uint64_t now_us() { return current_instant().boot.ns() / 1000; }

FileDescriptor make_timer(int per_s) {
  FileDescriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const long interval_ns = 1'000'000'000L / per_s;
  itimerspec spec{};
  spec.it_interval = {interval_ns / 1'000'000'000L, interval_ns % 1'000'000'000L};
  spec.it_value = {0, 1};
  ::timerfd_settime(timer.value(), 0, &spec, nullptr);
  return timer;
}

/// One client. Its socket is registered with the epoll set under its index.
struct Client {
  FileDescriptor socket;
  std::string unsent;
  std::string received;
  std::uint64_t asked_us = 0;
  bool waiting = false;
};

class Load {
 public:
  Load(const LoadOptions& options, LoadFigures& figures)
      : options_(options),
        figures_(figures),
        clients_(static_cast<std::size_t>(options.connections)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        timer_(make_timer(ticks_per_s)) {}

  int run() {
    epoll_event timer_event{};
    timer_event.events = EPOLLIN;
    timer_event.data.u64 = clients_.size();
    if (::epoll_ctl(epoll_.value(), EPOLL_CTL_ADD, timer_.value(), &timer_event) != 0) {
      return 1;
    }
    std::array<epoll_event, 64> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_.value(), events.data(), events.size(), 1000);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.u64 == clients_.size()) {
          on_timer();
        } else {
          on_client(event.data.u64, event.events);
        }
      }
    }
  }

 private:
  void on_timer() {
    std::uint64_t ticks = 0;
    if (::read(timer_.value(), &ticks, sizeof(ticks)) != sizeof(ticks)) {
      return;
    }
    // After a long stop of this process the missed requests are not made up for in one burst.
    credit_ +=
        options_.rate_per_s / ticks_per_s * static_cast<double>(std::min<std::uint64_t>(ticks, 5));
    for (; credit_ >= 1; credit_ -= 1) {
      ask(next_);
      next_ = (next_ + 1) % clients_.size();
    }
  }

  void ask(std::size_t index) {
    Client& client = clients_[index];
    if (client.waiting) {
      return;
    }
    if (!client.socket && !open(index)) {
      return;
    }
    const std::string key = fmt::format("key:{}", random_() % keys);
    const bool write = static_cast<double>(random_() % 1000) < options_.writes * 1000;
    client.unsent += write ? resp_command({"SET", key, "some value of a hundred bytes or less"})
                           : resp_command({"GET", key});
    client.asked_us = now_us();
    client.waiting = true;
    send_rest(index);
  }

  bool open(std::size_t index) {
    Client& client = clients_[index];
    client.socket = connect_to(options_.port, SOCK_NONBLOCK);
    if (!client.socket) {
      add(figures_.errors, 1);
      return false;
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.u64 = index;
    ::epoll_ctl(epoll_.value(), EPOLL_CTL_ADD, client.socket.value(), &event);
    add(figures_.reconnects, 1);
    return true;
  }

  void close(Client& client) { client = Client{}; }

  void send_rest(std::size_t index) {
    Client& client = clients_[index];
    const ssize_t sent =
        ::send(client.socket.value(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      client.unsent.erase(0, static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != ENOTCONN && errno != EINPROGRESS) {
      fail_client(client);
    }
  }

  void fail_client(Client& client) {
    add(figures_.errors, 1);
    close(client);
  }

  void on_client(std::size_t index, std::uint32_t events) {
    Client& client = clients_[index];
    if (!client.socket) {
      return;
    }
    if ((events & EPOLLOUT) != 0 && !client.unsent.empty()) {
      send_rest(index);
    }
    if (!client.socket || (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
      return;
    }
    std::array<char, 4096> buffer{};
    ssize_t got = 0;
    while ((got = ::recv(client.socket.value(), buffer.data(), buffer.size(), 0)) > 0) {
      client.received.append(buffer.data(), static_cast<std::size_t>(got));
    }
    take_replies(client);
    if (client.socket && (got == 0 || (errno != EAGAIN && errno != EINTR))) {
      fail_client(client);
    }
  }

  void take_replies(Client& client) {
    Reply reply;
    ReplyState state = ReplyState::incomplete;
    while (!client.received.empty() &&
           (state = read_reply(client.received, reply)) == ReplyState::whole) {
      client.received.erase(0, reply.size_bytes);
      client.waiting = false;
      add(figures_.requests, 1);
      add(figures_.errors, reply.is_error ? 1 : 0);
      add(figures_.latency_sum_us, now_us() - client.asked_us);
    }
    if (state == ReplyState::broken) {
      fail_client(client);
    } else if (options_.reconnect && !client.waiting) {
      close(client);
    }
  }

  const LoadOptions& options_;
  LoadFigures& figures_;
  std::vector<Client> clients_;
  FileDescriptor epoll_;
  FileDescriptor timer_;
  std::minstd_rand random_;
  double credit_ = 0;
  std::size_t next_ = 0;
};

void wait_tick(const FileDescriptor& timer) {
  pollfd waiting{timer.value(), POLLIN, 0};
  ::poll(&waiting, 1, -1);
  std::uint64_t ticks = 0;
  while (::read(timer.value(), &ticks, sizeof(ticks)) < 0 && errno == EINTR) {
  }
}

/// Sends and waits for one reply; false when the connection is of no use any more.
bool converse(const FileDescriptor& socket, const std::string& command) {
  if (::send(socket.value(), command.data(), command.size(), MSG_NOSIGNAL) < 0) {
    return false;
  }
  std::string received;
  std::array<char, 512> buffer{};
  Reply reply;
  for (;;) {
    const ssize_t got = ::recv(socket.value(), buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return false;
    }
    received.append(buffer.data(), static_cast<std::size_t>(got));
    if (read_reply(received, reply) != ReplyState::incomplete) {
      return true;
    }
  }
}

}  // namespace

SharedFigures::SharedFigures() {
  void* memory = ::mmap(nullptr, sizeof(LoadFigures), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  figures_ = memory == MAP_FAILED ? nullptr : static_cast<LoadFigures*>(memory);
}

SharedFigures::~SharedFigures() {
  if (figures_ != nullptr) {
    ::munmap(figures_, sizeof(LoadFigures));
  }
}

LoadFigures SharedFigures::read() const {
  const auto load = [](std::uint64_t& figure) {
    return std::atomic_ref(figure).load(std::memory_order_relaxed);
  };
  return {load(figures_->requests), load(figures_->errors), load(figures_->reconnects),
          load(figures_->latency_sum_us)};
}

int run_load(const LoadOptions& options, LoadFigures& figures) {
  return Load(options, figures).run();
}

int run_storm(const StormOptions& options) {
  const FileDescriptor timer = make_timer(options.bursts_per_s);
  std::vector<FileDescriptor> open;
  const std::string command = resp_command({"PING"});
  for (;;) {
    wait_tick(timer);
    // Those of the burst before have been answered, or never will be.
    open.clear();
    for (int i = 0; i < options.burst; ++i) {
      FileDescriptor socket = connect_to(options.port, SOCK_NONBLOCK);
      if (socket) {
        ::send(socket.value(), command.data(), command.size(), MSG_NOSIGNAL);
        open.push_back(std::move(socket));
      }
    }
  }
}

int run_slow_commands(const SlowCommandOptions& options) {
  const FileDescriptor timer = make_timer(options.per_s);
  FileDescriptor socket = connect_to(options.port, 0);
  // Burns processor time by the server's own clock, so that it is as slow on any machine.
  constexpr std::string_view script =
      "local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end "
      "local ends = now() + ARGV[1] while now() < ends do end return 1";
  const std::string command = resp_command({"EVAL", script, "0", std::to_string(options.busy_ms)});
  for (;;) {
    wait_tick(timer);
    if (!socket || !converse(socket, command)) {
      socket = connect_to(options.port, 0);
    }
  }
}

bool answers_ping(std::uint16_t port) {
  const FileDescriptor socket = connect_to(port, 0);
  return socket && converse(socket, resp_command({"PING"}));
}

}  // namespace gala::demo
