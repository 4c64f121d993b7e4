// proc_life: beginnings and ends of processes. See probe_test.h.
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>

#include "runtime/bpf/probe_test.h"

namespace gala::bpf {
namespace {

TEST_F(ProbeTest, ProcLifeTellsExecsAndExits) {
  Probe probe = open("proc_life");
  const pid_t returns = ::fork();
  if (returns == 0) {
    ::execl("/bin/sh", "sh", "-c", "exit 3", nullptr);
    ::_exit(127);
  }
  const pid_t killed = ::fork();
  if (killed == 0) {
    ::pause();
    ::_exit(0);
  }
  ::kill(killed, SIGKILL);
  ::waitpid(returns, nullptr, 0);
  ::waitpid(killed, nullptr, 0);
  EXPECT_GE(probe.ring_descriptor(), 0);
  int seen = 0;
  auto rows = probe.consume();
  ASSERT_TRUE(rows);
  for (TableRows& table : *rows) {
    const int first = find_row(table.batch, {{"tgid", static_cast<std::uint64_t>(returns), {}}});
    const int second = find_row(table.batch, {{"tgid", static_cast<std::uint64_t>(killed), {}}});
    if (table.table == "execs" && first >= 0) {
      EXPECT_GE(find_row(table.batch, {{"filename", 0, "/bin/sh"}, {"comm", 0, "sh"}}), 0);
      ++seen;
    }
    if (table.table == "exits" && first >= 0 && second >= 0) {
      EXPECT_EQ(integer(table.batch, "exit_code", first), 3u);
      EXPECT_EQ(integer(table.batch, "signal", second), 9u);
      EXPECT_GT(integer(table.batch, "lifetime_ns", first), 0u);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 2);
}

TEST_F(ProbeTest, ProcLifeAddsUpProcessesOfOneName) {
  Probe probe = open("proc_life");
  constexpr int crashes = 5;
  for (int i = 0; i < crashes; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_NAME, "gala_crashes");
      ::prctl(PR_SET_DUMPABLE, 0);
      ::kill(::getpid(), SIGSEGV);
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
  }
  Batch rows;
  int row = -1;
  ASSERT_TRUE(eventually([&] {  // the kernel frees them a little later
    rows = read(probe, "programs");
    row = find_row(rows, {{"comm", 0, "gala_crashes"}});
    return row >= 0 && integer(rows, "cpu_ns", row) > 0;
  }));
  EXPECT_EQ(integer(rows, "exits", row), 5u);
  EXPECT_EQ(integer(rows, "crashes", row), 5u);
  EXPECT_EQ(integer(rows, "kills", row), 0u);
  EXPECT_EQ(integer(rows, "starts", row), 0u);
  EXPECT_GT(integer(rows, "lifetime_ns", row), 0u);
}

}  // namespace
}  // namespace gala::bpf
