// proc_life: beginnings and ends of processes. See probe_test.h.
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>
#include <ctime>

#include "tests/kernel/probe_test.h"

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

/// Keeps a CPU busy for so long in this process's own time.
void burn(std::chrono::nanoseconds amount) {
  timespec now{};
  const auto used = [&] {
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  for (const auto end = used() + amount; used() < end;) {
  }
}

// What a window before has shown of a process is not told again when it ends.
TEST_F(ProbeTest, ProcLifeTellsCpuTimeOfTheLastWindowOnly) {
  Probe probe = open("proc_life");
  std::array<int, 2> burnt{};
  std::array<int, 2> told{};
  ASSERT_EQ(::pipe(burnt.data()), 0);
  ASSERT_EQ(::pipe(told.data()), 0);
  char byte = 0;
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, "gala_burns");
    burn(60ms);
    const bool written = ::write(burnt[1], &byte, 1) == 1;
    const bool go_on = ::read(told[0], &byte, 1) == 1;
    burn(20ms);
    ::_exit(written && go_on ? 0 : 1);
  }
  ASSERT_EQ(::read(burnt[0], &byte, 1), 1);
  ASSERT_TRUE(probe.advance_window());
  read(probe, "programs");
  ASSERT_EQ(::write(told[1], &byte, 1), 1);
  ::waitpid(child, nullptr, 0);
  Batch rows;
  int row = -1;
  ASSERT_TRUE(eventually([&] {  // the kernel frees it a little later
    rows = read(probe, "programs");
    row = find_row(rows, {{"comm", 0, "gala_burns"}});
    return row >= 0 && integer(rows, "cpu_ns", row) > 0;
  }));
  EXPECT_GE(integer(rows, "cpu_ns", row), 19'000'000u);
  EXPECT_LE(integer(rows, "cpu_ns", row), 50'000'000u);
  for (const int end : {burnt[0], burnt[1], told[0], told[1]}) {
    ::close(end);
  }
}

}  // namespace
}  // namespace gala::bpf
