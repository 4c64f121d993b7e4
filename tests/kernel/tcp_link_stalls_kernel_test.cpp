// tcp_link: transfers that stand still for some hundredths of a second, again and again. See
// probe_test.h.
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

/// How an end of a transfer moves data: `length` at a time, and how it pauses.
struct Pace {
  std::size_t length = 65536;
  /// After each piece.
  std::chrono::milliseconds between{0};
  /// 20 ms in every 40.
  bool in_jerks = false;
};

/// Moves data, by `move(pointer, length)`, until that fails.
template <typename Move>
void go_on(const Pace& pace, const Move& move) {
  const sched_param first{.sched_priority = 1};
  ::sched_setscheduler(0, SCHED_FIFO, &first);  // other programs must not make it pause
  std::vector<char> data(pace.length);
  auto pause = std::chrono::steady_clock::now() + 20ms;
  while (move(data.data(), data.size()) > 0) {
    if (pace.between > 0ms) {
      std::this_thread::sleep_for(pace.between);
    }
    if (pace.in_jerks && std::chrono::steady_clock::now() >= pause) {
      std::this_thread::sleep_for(20ms);
      pause = std::chrono::steady_clock::now() + 20ms;
    }
  }
}

/// A transfer from a client to the listener while this lives.
class Transfer {
 public:
  Transfer(Listener& listener, const Pace& writes, const Pace& reads)
      : client_(listener.connect()), server_(listener.accept()) {
    writer_ = std::thread([this, writes] {
      go_on(writes, [this](const char* data, std::size_t size) {
        return ::send(client_.value(), data, size, MSG_NOSIGNAL);
      });
    });
    reader_ = std::thread([this, reads] {
      go_on(reads, [this](char* data, std::size_t size) {
        return ::recv(server_.value(), data, size, 0);
      });
    });
  }
  ~Transfer() {
    ::shutdown(client_.value(), SHUT_RDWR);
    ::shutdown(server_.value(), SHUT_RDWR);
    writer_.join();
    reader_.join();
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

 private:
  FileDescriptor client_;
  FileDescriptor server_;
  std::thread writer_;
  std::thread reader_;
};

/// Shares of the time of a transfer in which it stood still, of 1.
struct Stalls {
  double window = 0;
  double reader = 0;
  double buffer = 0;
  double writer = 0;
  double path = 0;
};

Stalls stalls_of(Batch& links, const Listener& listener, const std::string& role) {
  const int row = find_row(links, {{"server_port", listener.port(), {}}, {"role", 0, role}});
  if (row < 0) {
    ADD_FAILURE() << "no row of the " << role;
    return {};
  }
  const auto transfer = static_cast<double>(integer(links, "transfer_us", row));
  EXPECT_GT(transfer, 2e6) << role;
  const auto share = [&](const char* reason) {
    return static_cast<double>(integer(links, reason, row)) / std::max(transfer, 1.0);
  };
  return {share("still_window_us"), share("still_reader_us"), share("still_buffer_us"),
          share("still_writer_us"), share("still_path_us")};
}

/// Of both ends.
struct Ends {
  Stalls sender;
  Stalls receiver;
};

/// Looks for long enough to find every pause that recurs.
Ends watch(Probe& probe, const Listener& listener) {
  Batch links;
  for (int look = 0; look < 50; ++look) {
    ProbeTest::read(probe, "sockets");  // looks at all connections
    links = ProbeTest::read(probe, "links");
    std::this_thread::sleep_for(93ms);  // no multiple of the pauses
  }
  return {stalls_of(links, listener, "client"), stalls_of(links, listener, "server")};
}

/// Half of the time, less the 8 ms after which a pause counts, and the first looks.
constexpr double much = 0.1;
constexpr double little = 0.05;

void expect_healthy(const Stalls& stalls) {
  EXPECT_LT(stalls.window, little);
  EXPECT_LT(stalls.reader, little);
  EXPECT_LT(stalls.buffer, little);
  EXPECT_LT(stalls.writer, little);
  EXPECT_LT(stalls.path, little);
}

TEST_F(ProbeTest, TcpLinkSaysThatAReaderPauses) {
  Probe probe = open("tcp_link");
  Listener listener;
  const Transfer transfer(listener, {}, {.in_jerks = true});
  const Ends ends = watch(probe, listener);
  EXPECT_GT(ends.receiver.reader, much);
  EXPECT_LT(ends.sender.buffer, little);
  EXPECT_LT(ends.sender.writer, little);
  EXPECT_LT(ends.sender.path, little);
}

TEST_F(ProbeTest, TcpLinkSaysThatAWriterPauses) {
  Probe probe = open("tcp_link");
  Listener listener;
  const Transfer transfer(listener, {.between = 1ms, .in_jerks = true}, {});
  Ends ends = watch(probe, listener);
  EXPECT_GT(ends.sender.writer, much);
  ends.sender.writer = 0;
  expect_healthy(ends.sender);
  expect_healthy(ends.receiver);
}

TEST_F(ProbeTest, TcpLinkSaysNothingOfAHealthyTransfer) {
  Probe probe = open("tcp_link");
  Listener listener;
  const Transfer transfer(listener, {.between = 1ms}, {});
  const Ends ends = watch(probe, listener);
  expect_healthy(ends.sender);
  expect_healthy(ends.receiver);
}

bool run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  pid_t child = -1;
  int status = -1;
  return ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) == 0 &&
         ::waitpid(child, &status, 0) == child && status == 0;
}

/// This thread in a network of its own, whose loopback carries 20 Mbit/s.
bool enter_slow_network() {
  return ::unshare(CLONE_NEWNET) == 0 && run({"ip", "link", "set", "lo", "mtu", "1500", "up"}) &&
         run({"tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "20mbit", "burst", "64kb",
              "latency", "50ms"});
}

TEST_F(ProbeTest, TcpLinkSaysThatAPathIsSlow) {
  Probe probe = open("tcp_link");
  std::thread([&] {
    if (!enter_slow_network()) {
      GTEST_SKIP() << "needs ip, tc and tbf to make a slow network";
    }
    Listener listener;
    const Transfer transfer(listener, {}, {});
    const Ends ends = watch(probe, listener);
    EXPECT_GT(ends.sender.path, 0.4);
    EXPECT_LT(ends.sender.writer, little);
    expect_healthy(ends.receiver);
  }).join();
}

}  // namespace
}  // namespace gala::bpf
