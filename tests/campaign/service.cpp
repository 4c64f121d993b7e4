// One service of the campaign's application: answers HTTP, asks the next service through a pool of
// connections, and has the defects that the campaign switches on over a control socket.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/core/handle.h"

namespace {

using namespace std::chrono_literals;
using gala::FileDescriptor;

struct Options {
  std::string address;
  std::uint16_t port = 0;
  std::string next;  ///< "host:port" of the service beneath; empty: this is the last one.
  int pool = 4;
  int renew = 50;  ///< Requests after which a connection to the next service is made anew.
  int work_us = 200;
  std::string control;
};

/// What the campaign switched on. Written by the control thread, read by all.
struct Defects {
  std::atomic<int> slow_ms = 0;  ///< Each request waits that long.
  std::atomic<int> lock_ms = 0;  ///< A thread computes that long with the lock of all held.
  std::atomic<int> leak_mib_per_s = 0;
  std::atomic<int> hold = 0;     ///< Connections of the pool that are never given back.
  std::atomic<int> files = 0;    ///< Files opened a second and never closed.
  std::atomic<int> zombies = 0;  ///< Children started and never waited for, in all.
};

void compute(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Reads until the text ends with an empty line: requests and our replies have no body behind it.
bool read_head(int socket) {
  std::string text;
  std::array<char, 4096> piece{};
  while (!text.ends_with("\r\n\r\n")) {
    const ssize_t got = ::recv(socket, piece.data(), piece.size(), 0);
    if (got <= 0 || text.size() > 65536) {
      return false;
    }
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return true;
}

FileDescriptor connect_to(const std::string& next) {
  const auto colon = next.rfind(':');
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(next.substr(0, colon).c_str(), next.substr(colon + 1).c_str(), &hints,
                    &found) != 0) {
    return {};
  }
  FileDescriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool connected = made && ::connect(made.value(), found->ai_addr, found->ai_addrlen) == 0;
  ::freeaddrinfo(found);
  if (!connected) {
    return {};
  }
  const int on = 1;
  ::setsockopt(made.value(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return made;
}

class Service {
 public:
  explicit Service(const Options& options) : options_(options), free_slots_(options.pool) {}

  int run() {
    std::thread([this] { obey(); }).detach();
    std::thread([this] { convoy(); }).detach();
    std::thread([this] { waste(); }).detach();
    const FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(listener.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_port = htons(options_.port);
    if (::inet_pton(AF_INET, options_.address.c_str(), &here.sin_addr) != 1 ||
        ::bind(listener.value(), reinterpret_cast<const sockaddr*>(&here), sizeof(here)) != 0 ||
        ::listen(listener.value(), 64) != 0) {
      return 1;
    }
    for (;;) {
      FileDescriptor client(::accept4(listener.value(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) {
        // No file descriptor is free: the connection waits in the accept queue.
        std::this_thread::sleep_for(10ms);
        continue;
      }
      try {
        std::thread([this, socket = std::move(client)] { serve(socket.value()); }).detach();
      } catch (const std::system_error&) {
        // No thread is to be had: the client is turned away.
        continue;
      }
    }
  }

 private:
  void serve(int client) {
    const int on = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    while (read_head(client)) {
      const bool answered = work();
      if (!send_all(client, answered ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                     : "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")) {
        return;
      }
    }
  }

  bool work() {
    {
      const std::lock_guard<std::mutex> held(everybodys_);
      compute(20us);
    }
    compute(std::chrono::microseconds(options_.work_us));
    if (const int slow = defects_.slow_ms; slow > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(slow));
    }
    return options_.next.empty() || ask_next();
  }

  struct Pooled {
    FileDescriptor socket;
    int requests = 0;
  };

  Pooled take() {
    std::unique_lock<std::mutex> lock(pool_);
    returned_.wait(lock, [this] { return free_slots_ > 0; });
    --free_slots_;
    if (idle_.empty()) {
      return {};
    }
    Pooled pooled = std::move(idle_.front());
    idle_.pop_front();
    return pooled;
  }

  void give_back(Pooled pooled) {
    {
      const std::lock_guard<std::mutex> lock(pool_);
      ++free_slots_;
      if (pooled.socket && pooled.requests < options_.renew) {
        idle_.push_back(std::move(pooled));
      }
    }
    returned_.notify_one();
  }

  bool ask_next() {
    Pooled pooled = take();
    if (!pooled.socket) {
      pooled.socket = connect_to(options_.next);
    }
    ++pooled.requests;
    const bool answered = pooled.socket &&
                          send_all(pooled.socket.value(), "GET / HTTP/1.1\r\nHost: next\r\n\r\n") &&
                          read_head(pooled.socket.value());
    if (!answered) {
      pooled.socket = FileDescriptor();
    }
    give_back(std::move(pooled));
    return answered;
  }

  /// Somebody who holds the lock of all requests for long, again and again.
  [[noreturn]] void convoy() {
    for (;;) {
      if (const int time = defects_.lock_ms; time > 0) {
        const std::lock_guard<std::mutex> held(everybodys_);
        std::this_thread::sleep_for(std::chrono::milliseconds(time));
      } else {
        std::this_thread::sleep_for(50ms);
        continue;
      }
      std::this_thread::sleep_for(1ms);
    }
  }

  /// Takes what is never given back, ten times a second.
  [[noreturn]] void waste() {
    std::deque<std::vector<char>> leaked;
    std::deque<FileDescriptor> files;
    std::deque<Pooled> held;
    int zombies = 0;
    for (;;) {
      std::this_thread::sleep_for(100ms);
      if (const int leak = defects_.leak_mib_per_s; leak > 0) {
        leaked.emplace_back(static_cast<std::size_t>(leak) * 104858, 'x');
      } else {
        leaked.clear();
      }
      for (int i = 0; i < defects_.files / 10; ++i) {
        files.emplace_back(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      }
      if (defects_.files == 0) {
        files.clear();
      }
      while (static_cast<int>(held.size()) < std::min(defects_.hold.load(), options_.pool)) {
        held.push_back(take());
      }
      while (defects_.hold == 0 && !held.empty()) {
        give_back(std::move(held.front()));
        held.pop_front();
      }
      zombies = keep_zombies(zombies);
    }
  }

  int keep_zombies(int zombies) {
    if (defects_.zombies == 0) {
      while (zombies > 0 && ::waitpid(-1, nullptr, WNOHANG) > 0) {
        --zombies;
      }
      return zombies;
    }
    for (int i = 0; i < 40 && zombies < defects_.zombies; ++i, ++zombies) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::_exit(0);
      }
      if (child < 0) {
        break;
      }
    }
    return zombies;
  }

  /// Datagrams "<defect> <number>".
  void obey() {
    const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un here{};
    here.sun_family = AF_UNIX;
    options_.control.copy(here.sun_path, sizeof(here.sun_path) - 1);
    ::unlink(here.sun_path);
    if (::bind(socket.value(), reinterpret_cast<const sockaddr*>(&here), sizeof(here)) != 0) {
      ::_exit(1);
    }
    std::array<char, 128> text{};
    for (;;) {
      const ssize_t size = ::recv(socket.value(), text.data(), text.size(), 0);
      if (size <= 0) {
        continue;
      }
      const std::string_view order(text.data(), static_cast<std::size_t>(size));
      const auto space = order.find(' ');
      if (space == std::string_view::npos) {
        continue;
      }
      int number = 0;
      std::from_chars(order.data() + space + 1, order.data() + order.size(), number);
      switch_on(order.substr(0, space), number);
    }
  }

  void switch_on(std::string_view defect, int number) {
    const std::array<std::pair<std::string_view, std::atomic<int>*>, 6> all{
        {{"slow", &defects_.slow_ms},
         {"lock", &defects_.lock_ms},
         {"leak", &defects_.leak_mib_per_s},
         {"hold", &defects_.hold},
         {"files", &defects_.files},
         {"zombies", &defects_.zombies}}};
    for (const auto& [name, value] : all) {
      if (name == defect) {
        *value = number;
      }
    }
    if (defect == "crash") {
      ::raise(SIGSEGV);
    }
  }

  Options options_;
  Defects defects_;
  std::mutex everybodys_;
  std::mutex pool_;
  std::condition_variable returned_;
  int free_slots_;
  std::deque<Pooled> idle_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("One service of the fault campaign's application");
  app.add_option("--address", options.address, "Listens here")->required();
  app.add_option("--port", options.port, "Listens here")->required();
  app.add_option("--next", options.next, "host:port of the service beneath");
  app.add_option("--pool", options.pool, "Connections to it")->capture_default_str();
  app.add_option("--renew", options.renew, "Requests on one of them")->capture_default_str();
  app.add_option("--work-us", options.work_us, "Computes so long")->capture_default_str();
  app.add_option("--control", options.control, "Socket for orders")->required();
  CLI11_PARSE(app, argc, argv);
  return Service(options).run();
}
