// sli: requests of servers, calls of clients. See probe_test.h.
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "tests/kernel/sli_test.h"

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
    exchange(client, server, work);
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
  Batch batch = read_at_rest(probe, "servers");
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
  for (int i = 0; i < 100; ++i) {
    exchange(client, server);
  }
  send(client, "bye");
  receive(server);
  Batch batch = read_at_rest(probe, "servers");
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "responses", row), 100u);
  EXPECT_EQ(integer(batch, "request_bytes", row), 800u);
  EXPECT_EQ(integer(batch, "pipelined", row), 0u);
  const std::uint64_t measured = integer(batch, "measured", row);
  EXPECT_THAT(measured, AllOf(Ge(25u), Le(75u)));
  // Each of the sample stands for two, but for those that were slow.
  EXPECT_THAT(total(batch, "latency", row), AllOf(Ge(measured), Le(2 * measured)));
}

TEST_F(ProbeTest, SliShowsARequestThatItsServerDoesNotReplyTo) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  exchange(client, server);  // so this is no protocol without replies
  send(client, "question");
  std::this_thread::sleep_for(1s);  // the server is busy elsewhere, or stopped
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "servers");
  int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_GE(integer(batch, "longest_wait", row), 990'000'000u);
  receive(server);
  send(server, "answer");
  receive(client);
  ASSERT_TRUE(probe.advance_window());
  batch = read(probe, "servers");
  row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "longest_wait", row), 0u);
}

/// Waits until the peer's kernel has acknowledged all that was written.
bool all_acknowledged(const FileDescriptor& socket) {
  return eventually([&] {
    int unsent = -1;
    return ::ioctl(socket.value(), SIOCOUTQ, &unsent) == 0 && unsent == 0;
  });
}

// A server that pauses between the parts of a reply: the client waits for the last one.
TEST_F(ProbeTest, SliTimesAReplyInPartsUntilTheLastPartIsAcknowledged) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  send(client, "question");
  receive(server);
  for (int part = 0; part < 4; ++part) {
    std::this_thread::sleep_for(20ms);  // the work that is to be measured
    send(server, "a part");
    receive(client);
    ASSERT_TRUE(all_acknowledged(server));
  }
  send(client, "next");
  receive(server);
  Batch batch = read(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "responses", row), 1u);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
  EXPECT_EQ(integer(batch, "response_bytes", row), 24u);
  EXPECT_GE(sum(batch, "latency", row), 80e6);
  EXPECT_GE(sum(batch, "processing", row), 80e6);
  EXPECT_LE(sum(batch, "sending", row), 40e6);
}

// A header, and a body that its client's small window takes slowly.
TEST_F(ProbeTest, SliTimesALargeReplyUntilASlowReaderHasTakenIt) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client{::socket(AF_INET, SOCK_STREAM, 0)};
  const int window_bytes = 4096;
  ::setsockopt(client.value(), SOL_SOCKET, SO_RCVBUF, &window_bytes, sizeof(window_bytes));
  listener.connect(client);
  const FileDescriptor server = listener.accept();
  send(client, "question");
  receive(server);
  const std::string part(4096, 'x');
  const auto began = std::chrono::steady_clock::now();
  send(server, "header");
  receive(client);
  ASSERT_TRUE(all_acknowledged(server));
  std::thread writer([&] {
    for (int i = 0; i < 16; ++i) {
      send(server, part);
    }
  });
  std::array<char, 2048> piece{};
  for (std::size_t got = 0; got < 16 * part.size();) {
    std::this_thread::sleep_for(3ms);  // a client that reads slowly
    const ssize_t more = ::recv(client.value(), piece.data(), piece.size(), 0);
    ASSERT_GT(more, 0);
    got += static_cast<std::size_t>(more);
  }
  writer.join();
  ASSERT_TRUE(all_acknowledged(server));
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  send(client, "next");
  receive(server);
  Batch batch = read(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
  EXPECT_EQ(integer(batch, "response_bytes", row), 65542u);
  // The last bytes are acknowledged while they wait for the reader in its buffer.
  EXPECT_GE(sum(batch, "latency", row), took.count() * 0.7);
  EXPECT_LE(sum(batch, "latency", row), took.count() * 1.1);
}

// A client may hold back its acknowledgement of the last segments for 40 ms: it has them already.
// Paced, so that they leave when all before them has been acknowledged.
TEST_F(ProbeTest, SliLeavesAHeldBackAcknowledgementOfALongReplyOut) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  const std::uint32_t bytes_per_s = 20'000'000;
  ::setsockopt(server.value(), SOL_SOCKET, SO_MAX_PACING_RATE, &bytes_per_s, sizeof(bytes_per_s));
  const int zero = 0;
  const int one = 1;
  ::setsockopt(server.value(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  std::chrono::duration<double, std::nano> took{0};
  int held_back = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::string page(300'000 + i * 4000, 'x');  // where the last segment ends is chance
    std::string got(page.size() + 7, ' ');
    const auto began = std::chrono::steady_clock::now();
    send(client, "question");
    receive(server);
    std::thread writer([&] {
      ::send(server.value(), page.data(), page.size(), MSG_EOR);
      send(server, "the end");
    });
    ::setsockopt(client.value(), IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof(zero));
    ASSERT_EQ(::recv(client.value(), got.data(), got.size(), MSG_WAITALL), got.size());
    const auto arrived = std::chrono::steady_clock::now();
    writer.join();
    ASSERT_TRUE(all_acknowledged(server));
    held_back += std::chrono::steady_clock::now() - arrived >= 30ms ? 1 : 0;
    took += arrived - began;
  }
  send(client, "next");
  receive(server);
  ASSERT_GE(held_back, 1) << "the client's kernel held nothing back";
  Batch batch = read(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "measured", row), 8u);
  EXPECT_GE(sum(batch, "latency", row), took.count() * 0.7);
  // A client that keeps silent is probed now and then: what is sent again may have been lost.
  tcp_info info{};
  socklen_t size = sizeof(info);
  ASSERT_EQ(::getsockopt(server.value(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  EXPECT_LE(sum(batch, "latency", row), took.count() + 20e6 + 40e6 * info.tcpi_total_retrans);
}

TEST_F(ProbeTest, SliEndsAReplyThatNothingFollows) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  exchange(client, server);
  ASSERT_TRUE(all_acknowledged(server));
  std::this_thread::sleep_for(260ms);  // longer than the pause between parts of a reply
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "requests", row), 1u);
  EXPECT_EQ(integer(batch, "responses", row), 1u);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
  EXPECT_LE(sum(batch, "latency", row), 100e6);
  EXPECT_GT(batch.find("latency")->maxima[static_cast<std::size_t>(row)], 0);
}

// Health checkers: what the client's reset says of the reply is enough.
TEST_F(ProbeTest, SliTimesAReplyWhoseClientEndsWithAReset) {
  Probe probe = open("sli");
  Listener listener;
  FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  exchange(client, server);
  reset(client);
  ASSERT_TRUE(eventually([&] { return receive(server).empty(); }));
  Batch batch = read(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
  EXPECT_EQ(integer(batch, "broken", row), 0u);
}

TEST_F(ProbeTest, SliTakesTheEndOfAConnectionForNoRequest) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  exchange(client, server);
  ASSERT_EQ(::shutdown(client.value(), SHUT_WR), 0);
  EXPECT_EQ(receive(server), "");
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "servers");
  const int row = server_row(batch, listener);
  EXPECT_EQ(integer(batch, "measured", row), 1u);
  EXPECT_EQ(integer(batch, "longest_wait", row), 0u);
}

TEST_F(ProbeTest, SliTimesEachCallOfAClient) {
  Probe probe = open("sli");
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  constexpr auto work = 3ms;
  for (int i = 0; i < 10; ++i) {
    exchange(client, server, work);
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
  const FileDescriptor other_client = listener.connect();
  const FileDescriptor other_server = listener.accept();
  exchange(other_client, other_server);  // so this is no protocol without replies
  send(client, "question, first half");
  receive(server);
  send(client, "second half");
  std::this_thread::sleep_for(1s);  // longer than a farewell
  ASSERT_TRUE(probe.advance_window());
  Batch batch = read(probe, "clients");
  int row = call_row(batch, listener);
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(batch, "calls", row), 1u);
  EXPECT_GE(integer(batch, "longest_wait", row), 1'000'000'000u);
  EXPECT_GE(integer(batch, "waiting_ns", row), 1'000'000'000u);
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
  exchange(client, server);
  EXPECT_EQ(read(probe, "clients").rows(), 0u);
}

}  // namespace
}  // namespace gala::bpf
