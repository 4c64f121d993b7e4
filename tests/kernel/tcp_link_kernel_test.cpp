// tcp_link: connections and what they moved. See probe_test.h.
#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

TEST_F(ProbeTest, TcpLinkCountsConnectionsThatCloseBetweenTwoReads) {
  Probe probe = open("tcp_link");
  Listener listener;
  constexpr int connections = 5;
  for (int i = 0; i < connections; ++i) {
    FileDescriptor client = listener.connect();
    FileDescriptor server = listener.accept();
    send(client, "0123456789");
    receive(server);
    send(server, "abc");
    receive(client);
  }
  Batch links = read(probe, "links");
  const auto tgid = static_cast<std::uint64_t>(::getpid());
  const std::vector<Want> as_server = {
      {"server_port", listener.port(), {}}, {"role", 0, "server"}, {"tgid", tgid, {}}};
  const std::vector<Want> as_client = {
      {"server_port", listener.port(), {}}, {"role", 0, "client"}, {"tgid", tgid, {}}};
  const int server = find_row(links, as_server);
  const int client = find_row(links, as_client);
  ASSERT_GE(server, 0);
  ASSERT_GE(client, 0);
  EXPECT_EQ(integer(links, "rx_bytes", server), 50u);
  EXPECT_EQ(integer(links, "tx_bytes", server), 15u);
  EXPECT_EQ(integer(links, "rx_bytes", client), 15u);
  EXPECT_EQ(integer(links, "opened", client), 5u);
  EXPECT_EQ(integer(links, "opened", server), 5u);
  EXPECT_EQ(integer(links, "closed", client), 5u);
}

TEST_F(ProbeTest, TcpLinkShowsBothEndsOfALiveConnection) {
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  Probe probe = open("tcp_link");
  send(client, "not read yet");
  Batch sockets;
  const auto port = listener.port();
  ASSERT_TRUE(eventually([&] {
    sockets = read(probe, "sockets");
    const int row =
        find_row(sockets, {{"server_port", port, {}}, {"role", 0, "server"}, {"state", 1, {}}});
    return row >= 0 && integer(sockets, "unread_bytes", row) == 12;
  }));
  const int row =
      find_row(sockets, {{"server_port", port, {}}, {"role", 0, "client"}, {"state", 1, {}}});
  ASSERT_GE(row, 0);
  EXPECT_GT(integer(sockets, "srtt_us", row), 0u);
  EXPECT_GE(integer(sockets, "rto_us", row), 200'000u);
  EXPECT_EQ(integer(sockets, "mss", row) > 0, true);
  EXPECT_GE(find_row(sockets,
                     {{"server_port", port, {}}, {"state", 10, {}}, {"client_ip", 0, "0.0.0.0"}}),
            0);
  EXPECT_GE(find_row(sockets, {{"server_port", port, {}}, {"server_ip", 0, "127.0.0.1"}}), 0);
}

// More rows than the kernel's buffer holds at once: none is missing, none is twice.
TEST_F(ProbeTest, TcpLinkHasOneRowPerConnection) {
  Probe probe = open("tcp_link");
  Listener listener(128);
  constexpr int connections = 400;
  std::vector<FileDescriptor> held;
  for (int i = 0; i < connections; ++i) {
    held.push_back(listener.connect());
    held.push_back(listener.accept());
    held.emplace_back(::dup(held.back().value()));
  }
  Batch sockets = read(probe, "sockets");
  int rows = 0;
  for (std::size_t row = 0; row < sockets.rows(); ++row) {
    rows += holds(sockets, row, {"server_port", listener.port(), {}}) &&
            holds(sockets, row, {"state", 1, {}});
  }
  EXPECT_EQ(rows, 2 * connections);
}

TEST_F(ProbeTest, TcpLinkKnowsTheServersEndWhereItsListenerSpeaksMptcp) {
  Listener listener(16, mptcp);
  if (!listener.is_there()) {
    GTEST_SKIP() << "this kernel has no MPTCP";
  }
  Probe probe = open("tcp_link");
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
  Batch sockets = read(probe, "sockets");
  EXPECT_GE(find_row(sockets, {{"server_port", listener.port(), {}}, {"role", 0, "server"}}), 0);
  EXPECT_GE(find_row(sockets, {{"server_port", listener.port(), {}}, {"role", 0, "client"}}), 0);
}

}  // namespace
}  // namespace gala::bpf
