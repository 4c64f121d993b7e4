// endpoint: how connections come about. See probe_test.h.
#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

TEST_F(ProbeTest, EndpointCountsOpensAndAFullAcceptQueue) {
  Probe probe = open("endpoint");
  Listener listener(1);
  const auto port = listener.port();
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(listener.connect());
  }
  for (int i = 0; i < 4; ++i) {
    clients.push_back(listener.connect(SOCK_NONBLOCK));
  }
  Batch rows;
  ASSERT_TRUE(eventually([&] {
    EXPECT_TRUE(probe.advance_window());
    rows = read(probe, "endpoints");
    const int row = find_row(rows, {{"port", port, {}}, {"role", 0, "server"}});
    return row >= 0 && integer(rows, "accept_overflow", row) > 0;
  }));
  const int row = find_row(rows, {{"port", port, {}}, {"role", 0, "server"}});
  EXPECT_GE(integer(rows, "passive_open", row), 2u);
  EXPECT_GT(integer(rows, "listendrop", row), 0u);
  EXPECT_GE(integer(rows, "accept_queue", row), 2u);
  const int client =
      find_row(rows, {{"port", port, {}}, {"role", 0, "client"}, {"address", 0, "127.0.0.1"}});
  ASSERT_GE(client, 0);
  EXPECT_EQ(integer(rows, "syn_sent", client), 6u);
  EXPECT_GE(integer(rows, "active_open", client), 2u);
  EXPECT_GE(total(rows, "estab_latency", client), 2u);
}

TEST_F(ProbeTest, EndpointTellsAQueueInItsWindowOnly) {
  Probe probe = open("endpoint");
  Listener listener;
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(listener.connect());
  }
  const auto queue = [&] {
    EXPECT_TRUE(probe.advance_window());
    Batch rows = read(probe, "endpoints");
    const int row = find_row(rows, {{"port", listener.port(), {}}, {"role", 0, "server"}});
    EXPECT_GE(row, 0);
    return row < 0 ? 0 : integer(rows, "accept_queue", row);
  };
  EXPECT_EQ(queue(), 3u);
  listener.close();
  EXPECT_EQ(queue(), 0u);
}

TEST_F(ProbeTest, EndpointCountsARefusedConnection) {
  Probe probe = open("endpoint");
  Listener listener;
  listener.close();
  const FileDescriptor client = listener.connect();
  Batch rows = read(probe, "endpoints");
  const int row = find_row(rows, {{"port", listener.port(), {}}, {"role", 0, "client"}});
  ASSERT_GE(row, 0);
  EXPECT_EQ(integer(rows, "active_open_failed", row), 1u);
  EXPECT_EQ(integer(rows, "refused", row), 1u);
}

// As each Go server since 1.24: the application's socket is not the one that accepts.
TEST_F(ProbeTest, EndpointReadsTheQueueOfAListenerThatSpeaksMptcp) {
  Listener before(7, mptcp);
  if (!before.is_there()) {
    GTEST_SKIP() << "this kernel has no MPTCP";
  }
  Probe probe = open("endpoint");
  Listener after(9, mptcp);
  const FileDescriptor client = before.connect();
  ASSERT_TRUE(probe.advance_window());
  Batch rows = read(probe, "endpoints");
  const int old = find_row(rows, {{"port", before.port(), {}}, {"role", 0, "server"}});
  ASSERT_GE(old, 0);
  EXPECT_EQ(integer(rows, "accept_queue_limit", old), 7u);
  EXPECT_EQ(integer(rows, "accept_queue", old), 1u);
  const int young = find_row(rows, {{"port", after.port(), {}}, {"role", 0, "server"}});
  ASSERT_GE(young, 0);
  EXPECT_EQ(integer(rows, "accept_queue_limit", young), 9u);
}

}  // namespace
}  // namespace gala::bpf
