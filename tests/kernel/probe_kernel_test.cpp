// What every probe promises: tunables, filters, hooks, losses. See probe_test.h.
#include <sys/wait.h>

#include <fstream>
#include <iterator>

#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

TEST_F(ProbeTest, ATunableChangesWhileTheProbeRuns) {
  Probe probe = open("sli");
  ASSERT_TRUE(probe.set_tunable("sample_every", 100'000));
  EXPECT_FALSE(probe.set_tunable("sample_every", 100'001));
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
  ::shutdown(client.value(), SHUT_WR);
  receive(server);
  Batch batch = read_at_rest(probe, "servers");
  const int row = find_row(batch, {{"port", listener.port(), {}}});
  ASSERT_GE(row, 0);
  // One in so many is drawn; a reply that took two ticks of the kernel is timed as well.
  EXPECT_EQ(integer(batch, "responses", row), 10u);
  EXPECT_LE(integer(batch, "measured", row), 3u);
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
    EXPECT_EQ(lost->size(), 5u);
    EXPECT_EQ(lost->at("ring_short") + lost->at("iterator_short"), 0u);
    EXPECT_FALSE(probe.costs().empty());
    std::printf("%s: %.1f MB of maps\n", name, static_cast<double>(probe.map_bytes()) / 1e6);
  }
}

/// Opens a probe whose description takes `wrong` for the struct of its rows.
Probe open_with_row(const std::string& name, const std::string& row, const std::string& wrong) {
  const std::string base = std::string{GALA_BPF_DIR} + "/" + name;
  std::ifstream file(base + ".toml");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t place = text.find("\"" + row + "\"");
  EXPECT_NE(place, std::string::npos);
  text.replace(place, row.size() + 2, "\"" + wrong + "\"");
  const std::string path = testing::TempDir() + "/" + name + "_short.toml";
  std::ofstream(path) << text;
  auto probe = Probe::open(base + ".bpf.o", path, {});
  std::filesystem::remove(path);
  if (!probe) {
    ADD_FAILURE() << probe.error().what;
    std::abort();
  }
  return std::move(*probe);
}

void run_a_child() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

// A description of another version: what programs tell is no row, but it is not lost in silence.
TEST_F(ProbeTest, CountsRecordsOfARingThatAreTooShort) {
  Probe probe = open_with_row("proc_life", "proc_exit_event", "proc_exec_event");
  run_a_child();
  const auto rows = probe.consume();
  ASSERT_TRUE(rows);
  for (const TableRows& table : *rows) {
    EXPECT_NE(table.table, "exits");
  }
  const auto lost = probe.lost();
  ASSERT_TRUE(lost);
  EXPECT_GE(lost->at("ring_short"), 1u);
  EXPECT_EQ(lost->at("ring_full"), 0u);
}

}  // namespace
}  // namespace gala::bpf
