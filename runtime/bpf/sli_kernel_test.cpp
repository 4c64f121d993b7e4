// sli: requests of servers, calls of clients. See probe_test.h.
#include <netinet/tcp.h>

#include "runtime/bpf/probe_test.h"

namespace gala::bpf {
namespace {

TEST_F(ProbeTest, SliTimesEachRequestOfAServer) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  constexpr int requests = 10;
  constexpr auto work = 3ms;
  for (int i = 0; i < requests; ++i) {
    send(client, "question");
    EXPECT_EQ(receive(server), "question");
    std::this_thread::sleep_for(work);  // the work that is to be measured
    send(server, "an answer");
    EXPECT_EQ(receive(client), "an answer");
  }
  send(client, "bye");  // carries the last acknowledgement
  receive(server);
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "servers");
  const int row = find_row(
      batch, {{"port", listener.port(), {}}, {"tgid", static_cast<std::uint64_t>(::getpid()), {}}});
  ASSERT_GE(row, 0);
  EXPECT_THAT(integer(batch, "requests", row), AllOf(Ge(10u), Le(11u)));
  EXPECT_EQ(integer(batch, "responses", row), 10u);
  EXPECT_EQ(integer(batch, "measured", row), 10u);
  EXPECT_EQ(integer(batch, "pipelined", row), 0u);
  EXPECT_EQ(integer(batch, "response_bytes", row), 90u);
  EXPECT_EQ(total(batch, "processing", row), 10u);
  const auto at = static_cast<std::size_t>(row);
  const double processing = batch.find("processing")->sums[at];
  EXPECT_GE(processing, 10 * 3e6);
  EXPECT_GE(batch.find("latency")->sums[at], processing);
  EXPECT_GE(batch.find("processing")->maxima[at], 3e6);
}

TEST_F(ProbeTest, SliCountsOverlappingRequestsWithoutTimingThem) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  const int one = 1;
  ::setsockopt(client.value(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  std::array<char, 5> buffer{};
  for (int i = 0; i < 20; ++i) {
    send(client, "aaaaa");
    send(client, "bbbbb");  // before the first is answered
    for (int j = 0; j < 2; ++j) {
      ASSERT_EQ(::recv(server.value(), buffer.data(), buffer.size(), MSG_WAITALL), 5);
      send(server, "reply");
      ASSERT_EQ(::recv(client.value(), buffer.data(), buffer.size(), MSG_WAITALL), 5);
    }
  }
  send(client, "bye");
  receive(server);
  Batch batch = read(probe, "servers");
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "responses", row), 40u);
  EXPECT_GE(integer(batch, "pipelined", row), 20u);
  EXPECT_EQ(integer(batch, "measured", row) + integer(batch, "pipelined", row), 40u);
}

TEST_F(ProbeTest, SliSeesConnectionsOlderThanItself) {
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  Probe probe = open("sli", {.tunables = {{"sample_every", 2}}, .filters = {}});
  for (int i = 0; i < 10; ++i) {
    send(client, "q");
    receive(server);
    send(server, "a");
    receive(client);
  }
  send(client, "bye");
  receive(server);
  Batch batch = read(probe, "servers");
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "responses", row), 10u);
  EXPECT_EQ(integer(batch, "measured", row), 5u);
  EXPECT_EQ(integer(batch, "pipelined", row), 0u);
}

TEST_F(ProbeTest, SliShowsARequestThatItsServerDoesNotReplyTo) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  send(client, "question");
  std::this_thread::sleep_for(50ms);  // the server is busy elsewhere, or stopped
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "servers");
  int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_GE(integer(batch, "longest_wait", row), 50'000'000u);
  receive(server);
  send(server, "answer");
  receive(client);
  ASSERT_TRUE(probe.advance_window());
  batch = read(probe, "servers");
  row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "longest_wait", row), 0u);
}

/// The row of this process's calls to the listener.
int call_row(Batch& batch, const Listener& listener) {
  return find_row(batch, {{"port", listener.port(), {}},
                          {"tgid", static_cast<std::uint64_t>(::getpid()), {}},
                          {"address", 0, "127.0.0.1"}});
}

TEST_F(ProbeTest, SliTimesEachCallOfAClient) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  constexpr auto work = 3ms;
  for (int i = 0; i < 10; ++i) {
    send(client, "question");
    EXPECT_EQ(receive(server), "question");
    std::this_thread::sleep_for(work);  // the wait that is to be measured
    send(server, "an answer");
    EXPECT_EQ(receive(client), "an answer");
  }
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "clients");
  const int row = call_row(batch, listener);
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "calls", row), 10u);
  EXPECT_EQ(integer(batch, "measured", row), 10u);
  EXPECT_EQ(integer(batch, "overlapping", row), 0u);
  EXPECT_EQ(integer(batch, "unanswered", row), 0u);
  EXPECT_EQ(integer(batch, "longest_wait", row), 0u);
  EXPECT_EQ(total(batch, "latency", row), 10u);
  const double waited = batch.find("latency")->sums[static_cast<std::size_t>(row)];
  EXPECT_GE(waited, 10 * 3e6);
  EXPECT_EQ(integer(batch, "waiting_ns", row), static_cast<std::uint64_t>(waited));
  EXPECT_GE(integer(batch, "connection_ns", row), integer(batch, "waiting_ns", row));
}

TEST_F(ProbeTest, SliShowsACallThatNobodyAnswers) {
  Listener listener;
  FileDescriptor client = listener.connect();  // older than the probe
  const FileDescriptor server = listener.accept();
  Probe probe = open("sli");
  send(client, "question, first half");
  receive(server);
  send(client, "second half");
  std::this_thread::sleep_for(120ms);  // longer than a farewell
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "clients");
  int row = call_row(batch, listener);
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "calls", row), 0u);
  EXPECT_GE(integer(batch, "longest_wait", row), 120'000'000u);
  EXPECT_GE(integer(batch, "waiting_ns", row), 120'000'000u);
  client = FileDescriptor{};  // gives up
  ASSERT_TRUE(probe.advance_window());
  batch = read(probe, "clients");
  row = call_row(batch, listener);
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "unanswered", row), 1u);
  EXPECT_EQ(integer(batch, "longest_wait", row), 0u);
}

TEST_F(ProbeTest, SliTakesAStreamInOneDirectionForNoCall) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  for (int i = 0; i < 100; ++i) {
    send(client, "log line");
  }
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "clients");
  const int row = call_row(batch, listener);
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "calls", row), 0u);
  EXPECT_EQ(integer(batch, "longest_wait", row), 0u);
}

TEST_F(ProbeTest, SliLeavesClientsOutWhenToldSo) {
  Probe probe = open("sli", {.tunables = {{"clients_too", 0}}, .filters = {}});
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  send(client, "q");
  receive(server);
  send(server, "a");
  receive(client);
  EXPECT_EQ(read(probe, "clients").rows(), 0u);
}

}  // namespace
}  // namespace gala::bpf
