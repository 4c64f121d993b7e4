// sli: kinds of servers and clients that are no plain request and reply. See probe_test.h.
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <atomic>

#include "tests/kernel/sli_test.h"

namespace gala::bpf {
namespace {

void send_at_once(const FileDescriptor& socket) {
  const int one = 1;
  ::setsockopt(socket.value(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

// A slow uplink: the wait for the rest of a request is the client's.
TEST_F(ProbeTest, SliLeavesTheTimeOutThatAClientTakesToSend) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  send_at_once(client);
  send(client, "first half");
  receive(server);
  std::this_thread::sleep_for(60ms);  // the client's uplink
  send(client, "second half");
  receive(server);
  std::this_thread::sleep_for(3ms);  // the server's work
  send(server, "stored");
  receive(client);
  send(client, "bye");
  receive(server);
  Batch batch = read(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
  EXPECT_EQ(integer(batch, "request_bytes", row), 21u);
  EXPECT_GE(sum(batch, "receiving", row), 55e6);
  EXPECT_GE(sum(batch, "processing", row), 3e6);
  EXPECT_LT(sum(batch, "processing", row), 50e6);
  EXPECT_LT(sum(batch, "latency", row), 50e6);
}

// As over a WebSocket: what nobody has asked for is neither a reply nor the rest of one.
TEST_F(ProbeTest, SliTakesPushesForNoReplies) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  for (int i = 0; i < 3; ++i) {
    exchange(client, server);
    for (int push = 0; push < 3; ++push) {
      std::this_thread::sleep_for(60ms);  // longer than a pause in a reply
      send(server, "news");
      receive(client);
    }
  }
  send(client, "bye");
  receive(server);
  Batch batch = read_at_rest(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "responses", row), 3u);
  EXPECT_EQ(integer(batch, "measured", row) + integer(batch, "pipelined", row), 3u);
  EXPECT_GE(integer(batch, "measured", row), 2u);
  EXPECT_EQ(integer(batch, "response_bytes", row), 3u * 9 + 9 * 4);
  EXPECT_LT(sum(batch, "latency", row), 50e6);
}

// A log collector: nobody owes anything.
TEST_F(ProbeTest, SliExpectsNoRepliesWhereThereHaveNeverBeenAny) {
  Probe probe = open("sli");
  Listener listener;
  FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  send(client, "a line");
  receive(server);
  std::this_thread::sleep_for(1s);  // longer than a farewell, and than waits that count
  ASSERT_TRUE(probe.advance_window());
  Batch servers = read(probe, "servers");
  const int served = find_row(servers, {{"port", listener.port(), {}}});
  EXPECT_TRUE(served < 0 || integer(servers, "longest_wait", served) == 0);
  Batch clients = read(probe, "clients");
  const int row = call_row(clients, listener);
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(clients, "longest_wait", row), 0u);
  client = FileDescriptor{};
  clients = read(probe, "clients");
  EXPECT_EQ(integer(clients, "unanswered", call_row(clients, listener)), 0u);
}

TEST_F(ProbeTest, SliTimesACallOfAClientThatHasSaidAll) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  send(client, "question");
  ASSERT_EQ(::shutdown(client.value(), SHUT_WR), 0);
  receive(server);
  std::this_thread::sleep_for(3ms);  // the server's work
  send(server, "answer");
  receive(client);
  Batch batch = read(probe, "clients");
  const int row = call_row(batch, listener);
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "calls", row), 1u);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
  EXPECT_EQ(integer(batch, "unanswered", row), 0u);
  EXPECT_GE(sum(batch, "latency", row), 3e6);
}

// The last acknowledgement comes with a goodbye, and the end of the connection right behind it.
TEST_F(ProbeTest, SliLeavesTheTimeOutThatAClientTakesToSayGoodbye) {
  Probe probe = open("sli");
  Listener listener;
  FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  exchange(client, server);
  std::this_thread::sleep_for(30ms);  // shorter than an acknowledgement is held back
  send(client, "quit");
  client = FileDescriptor{};
  receive(server);
  Batch batch = read_at_rest(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
  EXPECT_LT(sum(batch, "sending", row), 20e6);
}

// With TCP_DEFER_ACCEPT the request itself completes the handshake.
TEST_F(ProbeTest, SliTimesARequestThatMakesItsConnection) {
  Probe probe = open("sli");
  Listener listener(16, IPPROTO_TCP, 5);
  for (int i = 0; i < 3; ++i) {
    const FileDescriptor client = listener.connect();
    send(client, "question");
    FileDescriptor server = listener.accept();
    EXPECT_EQ(receive(server), "question");
    std::this_thread::sleep_for(3ms);  // the server's work
    send(server, "answer");
    server = FileDescriptor{};
    EXPECT_EQ(receive(client), "answer");
  }
  Batch batch = read_at_rest(probe, "servers");
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "requests", row), 3u);
  EXPECT_EQ(integer(batch, "measured", row), 3u);
  EXPECT_EQ(integer(batch, "request_bytes", row), 24u);
  EXPECT_EQ(integer(batch, "response_bytes", row), 18u);
  EXPECT_GE(sum(batch, "processing", row), 9e6);
  EXPECT_LT(sum(batch, "latency", row), 60e6);
}

// As each Go server since 1.24; started before and after the probe.
TEST_F(ProbeTest, SliSeesServersWhoseListenerSpeaksMptcp) {
  Listener before(16, mptcp);
  if (!before.is_there()) {
    GTEST_SKIP() << "this kernel has no MPTCP";
  }
  Probe probe = open("sli");
  Listener after(16, mptcp);
  for (Listener* listener : {&before, &after}) {
    const FileDescriptor client = listener->connect();
    const FileDescriptor server = listener->accept();
    exchange(client, server, 2ms);
    exchange(client, server, 2ms);
    send(client, "bye");
    receive(server);
    Batch batch = read(probe, "servers");
    const int row = find_row(batch, {{"port", listener->port(), {}},
                                     {"tgid", static_cast<std::uint64_t>(::getpid()), {}}});
    ASSERT_GE(row, 0);
    EXPECT_EQ(integer(batch, "measured", row), 2u);
  }
}

/// Serves what comes over `connection` in a process of its own, which it ends with.
void serve_and_end(const FileDescriptor& connection) {
  std::array<char, 64> buffer{};
  while (::recv(connection.value(), buffer.data(), buffer.size(), 0) > 0) {
    ::send(connection.value(), "answer", 6, MSG_NOSIGNAL);
  }
  ::_exit(0);
}

// A process for each connection, as PostgreSQL has: the service has the row, not the child.
TEST_F(ProbeTest, SliGivesProcessesThatLiveForAConnectionOneRow) {
  Probe probe = open("sli");
  Listener listener;
  for (int i = 0; i < 5; ++i) {
    FileDescriptor client = listener.connect();
    FileDescriptor server = listener.accept();
    const pid_t child = ::fork();
    if (child == 0) {
      client = FileDescriptor{};
      serve_and_end(server);
    }
    server = FileDescriptor{};
    for (int request = 0; request < 2; ++request) {
      send(client, "question");
      receive(client);
    }
    client = FileDescriptor{};
    ::waitpid(child, nullptr, 0);
  }
  Batch batch = read_at_rest(probe, "servers");
  const int row = find_row(
      batch, {{"port", listener.port(), {}}, {"tgid", static_cast<std::uint64_t>(::getpid()), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "responses", row), 10u);
  EXPECT_EQ(integer(batch, "measured", row), 10u);
  int rows = 0;
  for (std::size_t i = 0; i < batch.rows(); ++i) {
    rows += batch.find("port")->integers[i] == listener.port() ? 1 : 0;
  }
  EXPECT_EQ(rows, 1);
}

// A worker that was there before its connections has a row of its own.
TEST_F(ProbeTest, SliNamesTheWorkerThatReadsNotTheOneThatListens) {
  Probe probe = open("sli");
  Listener listener;
  const pid_t worker = ::fork();
  if (worker == 0) {
    serve_and_end(listener.accept());
  }
  FileDescriptor client = listener.connect();
  for (int request = 0; request < 3; ++request) {
    send(client, "question");
    receive(client);
  }
  client = FileDescriptor{};
  ::waitpid(worker, nullptr, 0);
  Batch batch = read_at_rest(probe, "servers");
  const int row = find_row(
      batch, {{"port", listener.port(), {}}, {"tgid", static_cast<std::uint64_t>(worker), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "responses", row), 3u);
}

/// An event loop: answers "ping" at once, and "wait" when it is told to.
class EventLoop {
 public:
  EventLoop(const FileDescriptor& first, const FileDescriptor& second)
      : connections_{&first, &second}, thread_([this] { run(); }) {}
  ~EventLoop() {
    done_ = true;
    thread_.join();
  }
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  void answer_what_waits() { answers_ = true; }
  /// In the middle of a request, as a handler that calls sleep().
  void stand_still(std::chrono::milliseconds time) { pause_ = time; }

 private:
  void run() {
    while (!done_) {
      std::array<pollfd, 2> events{pollfd{connections_[0]->value(), POLLIN, 0},
                                   pollfd{connections_[1]->value(), POLLIN, 0}};
      ::poll(events.data(), events.size(), 20);
      for (std::size_t i = 0; i < events.size(); ++i) {
        if ((events[i].revents & POLLIN) != 0) {
          handle(i);
        }
      }
      if (kept_ && answers_.exchange(false)) {
        kept_ = false;
        send(*connections_[0], "at last");
      }
    }
  }
  void handle(std::size_t which) {
    const std::string request = receive(*connections_[which]);
    if (pause_.load() > 0ms) {
      std::this_thread::sleep_for(pause_.exchange(0ms));
    }
    if (request == "wait") {
      kept_ = true;
    } else if (!request.empty()) {
      send(*connections_[which], "pong");
    }
  }

  std::array<const FileDescriptor*, 2> connections_;
  std::atomic<bool> done_{false};
  std::atomic<bool> answers_{false};
  std::atomic<std::chrono::milliseconds> pause_{0ms};
  bool kept_ = false;
  std::thread thread_;
};

void ping(const FileDescriptor& client, std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    send(client, "ping");
    receive(client);
    std::this_thread::sleep_for(20ms);  // the load that the server answers meanwhile
  }
}

// A consumer that waits for the next job of a queue, while the server answers others.
TEST_F(ProbeTest, SliTellsAWaitOnPurposeFromAServerThatStandsStill) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor waiting = listener.connect();
  const FileDescriptor waiting_server = listener.accept();
  const FileDescriptor busy = listener.connect();
  const FileDescriptor busy_server = listener.accept();
  EventLoop loop(waiting_server, busy_server);
  ping(busy, 50ms);
  ping(waiting, 50ms);
  send(waiting, "wait");
  ping(busy, 1500ms);
  ASSERT_TRUE(probe.advance_window());
  Batch servers = read(probe, "servers");
  EXPECT_EQ(integer(servers, "longest_wait", server_row(servers, listener)), 0u);
  Batch clients = read(probe, "clients");
  EXPECT_EQ(integer(clients, "longest_wait", std::max(call_row(clients, listener), 0)), 0u);
  loop.answer_what_waits();
  receive(waiting);
  ping(waiting, 50ms);
  servers = read_at_rest(probe, "servers");
  EXPECT_EQ(integer(servers, "parked", server_row(servers, listener)), 1u);
  EXPECT_LT(
      servers.find("latency")->maxima[static_cast<std::size_t>(server_row(servers, listener))],
      1e9);

  loop.stand_still(1500ms);
  send(waiting, "ping");
  send(busy, "ping");
  std::this_thread::sleep_for(1200ms);  // the server stands still for longer
  ASSERT_TRUE(probe.advance_window());
  servers = read(probe, "servers");
  EXPECT_GE(integer(servers, "longest_wait", server_row(servers, listener)), 1'000'000'000u);
  clients = read(probe, "clients");
  EXPECT_GE(integer(clients, "longest_wait", std::max(call_row(clients, listener), 0)),
            1'000'000'000u);
  receive(waiting);
  receive(busy);
}

// Consumers that all wait, and nobody else asks: such a server has never answered at once.
TEST_F(ProbeTest, SliTellsWaitsOnPurposeWhereNobodyIsEverAnsweredAtOnce) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor waiting = listener.connect();
  const FileDescriptor waiting_server = listener.accept();
  const FileDescriptor other = listener.connect();
  const FileDescriptor other_server = listener.accept();
  EventLoop loop(waiting_server, other_server);
  const auto longest_wait = [&] {
    send(waiting, "wait");
    std::this_thread::sleep_for(1200ms);  // longer than waits that count
    EXPECT_TRUE(probe.advance_window());
    Batch servers = read(probe, "servers");
    const int row = find_row(servers, {{"port", listener.port(), {}}});
    return row < 0 ? 0 : integer(servers, "longest_wait", row);
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(longest_wait(), 0u) << round;
    loop.answer_what_waits();
    EXPECT_EQ(receive(waiting), "at last");
  }
  loop.stand_still(1500ms);
  EXPECT_GE(longest_wait(), 1'000'000'000u);
}

}  // namespace
}  // namespace gala::bpf
