// What every probe promises: tunables, filters, hooks, losses. See probe_test.h.
#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

TEST_F(ProbeTest, ATunableChangesWhileTheProbeRuns) {
  Probe probe = open("sli");
  ASSERT_TRUE(probe.set_tunable("sample_every", 1000));
  EXPECT_FALSE(probe.set_tunable("sample_every", 0));
  EXPECT_FALSE(probe.set_tunable("sample_never", 1));
  Listener listener;
  const FileDescriptor client = listener.connect();
  const FileDescriptor server = listener.accept();
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
  EXPECT_EQ(integer(batch, "measured", row), 1u);
}

TEST_F(ProbeTest, AFilterLeavesOthersOut) {
  Listener listener;
  ProbeOptions options;
  options.filters.ports = {static_cast<std::uint16_t>(listener.port() + 1)};
  Probe probe = open("tcp_link", options);
  const FileDescriptor client = listener.connect();
  Batch sockets = read(probe, "sockets");
  EXPECT_EQ(sockets.rows(), 0u);
}

TEST_F(ProbeTest, EveryHookIsReportedAndNothingIsLostAtRest) {
  for (const auto& name : {"sli", "tcp_link", "endpoint", "sched", "block_io", "proc_life",
                           "memory", "dns", "profile"}) {
    Probe probe = open(name);
    EXPECT_EQ(probe.attachments().size(), probe.schema().description.hooks.size());
    for (const Attachment& attachment : probe.attachments()) {
      EXPECT_EQ(attachment.taken.empty(), !attachment.lost.empty()) << attachment.hook;
      for (const std::string& reason : attachment.refused) {
        std::printf("%s: %s -> %s (%s)\n", name, attachment.hook.c_str(), attachment.taken.c_str(),
                    reason.c_str());
      }
    }
    const auto lost = probe.lost();
    ASSERT_TRUE(lost);
    EXPECT_EQ(lost->size(), 3u);
    EXPECT_FALSE(probe.costs().empty());
    std::printf("%s: %.1f MB of maps\n", name, static_cast<double>(probe.map_bytes()) / 1e6);
  }
}

}  // namespace
}  // namespace gala::bpf
