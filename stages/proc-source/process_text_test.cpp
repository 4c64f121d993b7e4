// What /proc/PID/* says.
#include "stages/proc-source/process_text.h"

#include <gmock/gmock.h>

#include <cmath>
#include <string>

namespace gala::proc_source {
namespace {

constexpr KernelUnits units{.ns_per_tick = 1e7, .page_bytes = 4096};

// Fields 3 to 52 of a real stat line; only the name in front of it varies.
const std::string fields =
    " S 10 11 12 0 -1 4194560 300 0 7 0 250 150 20 10 20 -5 4 0 12345 150615040 765 "
    "18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 3 0 0 42 0 0 0 0 0 0 0 0 0 0\n";

TEST(ProcessStat, ConvertsTicksAndPages) {
  const std::string line = "1234 (redis-server)" + fields;
  const auto stat = parse_process_stat(line, units);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->comm, "redis-server");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->ppid, 10U);
  EXPECT_EQ(stat->pgid, 11U);
  EXPECT_EQ(stat->start_time_ns, 123'450'000'000U);
  EXPECT_EQ(stat->utime_ns, 2.5e9);
  EXPECT_EQ(stat->stime_ns, 1.5e9);
  EXPECT_EQ(stat->minor_faults_count, 300);
  EXPECT_EQ(stat->major_faults_count, 7);
  EXPECT_EQ(stat->nice, -5);
  EXPECT_EQ(stat->threads, 4);
  EXPECT_EQ(stat->rss_bytes, 765 * 4096);
  EXPECT_EQ(stat->cpu_id, 3U);
  EXPECT_EQ(stat->blkio_delay_ns, 4.2e8);
  EXPECT_FALSE(stat->kernel_thread);
}

// A name may hold blanks and parentheses; the last one closes it.
TEST(ProcessStat, TakesAnyName) {
  const std::string line = "1 (a) R 2 (b c))" + fields;
  const auto stat = parse_process_stat(line, units);
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->comm, "a) R 2 (b c)");
  EXPECT_EQ(stat->state, 'S');
}

TEST(ProcessStat, KnowsKernelThreads) {
  const auto stat = parse_process_stat(
      "15 (ksoftirqd/0) S 2 0 0 0 -1 69238848 0 0 0 0 0 9 0 0 20 0 1 0 3 0 0 0", units);
  ASSERT_TRUE(stat);
  EXPECT_TRUE(stat->kernel_thread);
  EXPECT_TRUE(std::isnan(stat->blkio_delay_ns));
}

// Whatever is cut off, nothing is invented: no start time, no process.
TEST(ProcessStat, SurvivesEveryCut) {
  const std::string whole = "1234 (redis-server)" + fields;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string cut = whole.substr(0, length);
    const auto stat = parse_process_stat(cut, units);
    if (stat) {
      EXPECT_GT(stat->start_time_ns, 0U) << cut;
    }
  }
  EXPECT_FALSE(parse_process_stat("garbage", units));
  EXPECT_FALSE(parse_process_stat(")(", units));
  EXPECT_FALSE(parse_process_stat("1 (x) S 1 1 1 1 1 x x x x x x x x x x x x x -3 0", units));
}

TEST(ProcessStatus, ReadsUidMemoryAndSwitches) {
  const auto status = parse_process_status(
      "Name:\tx\nUid:\t998\t0\t0\t0\nRssAnon:\t    1024 kB\nVmSwap:\t       4 kB\n"
      "voluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t3\n");
  EXPECT_EQ(status.uid, 998U);
  EXPECT_EQ(status.rss_anon_bytes, 1024 * 1024);
  EXPECT_EQ(status.swap_bytes, 4096);
  EXPECT_EQ(status.voluntary_switches_count, 150);
  EXPECT_EQ(status.nonvoluntary_switches_count, 3);
}

TEST(ProcessIo, LeavesMissingLinesUnmeasured) {
  const auto io = parse_process_io("rchar: 5\nwchar: 6\nread_bytes: 4096\nwrite_bytes: x\n");
  EXPECT_EQ(io.rchar_bytes, 5);
  EXPECT_EQ(io.read_bytes, 4096);
  EXPECT_TRUE(std::isnan(io.write_bytes));
  EXPECT_TRUE(std::isnan(io.syscr_count));
}

TEST(ProcessSchedule, ReadsThreeNumbers) {
  const auto schedule = parse_process_schedule("919179 2500 7\n");
  EXPECT_EQ(schedule.cpu_ns, 919179);
  EXPECT_EQ(schedule.run_delay_ns, 2500);
  EXPECT_EQ(schedule.timeslices_count, 7);
  EXPECT_TRUE(std::isnan(parse_process_schedule("").run_delay_ns));
}

TEST(OpenFilesLimit, IsUnmeasuredWhenUnlimited) {
  EXPECT_EQ(parse_open_files_limit("Limit  Soft\nMax open files            1024   524288  files\n"),
            1024);
  EXPECT_TRUE(std::isnan(parse_open_files_limit("Max open files  unlimited unlimited files\n")));
  EXPECT_TRUE(std::isnan(parse_open_files_limit("Max open fil")));
}

TEST(ProcessCgroups, AreOnePathInV2) {
  const auto groups = parse_process_cgroups("0::/system.slice/redis.service\n");
  EXPECT_EQ(groups.identity, "/system.slice/redis.service");
  EXPECT_EQ(groups.cpu, groups.identity);
  EXPECT_EQ(groups.memory, groups.identity);
}

// In a hybrid system the unified path may be the engine's own service: the v1 hierarchies name the
// container.
TEST(ProcessCgroups, PreferV1HierarchiesForIdentity) {
  const auto groups = parse_process_cgroups(
      "12:memory:/docker/abc\n11:cpu,cpuacct:/docker/abc\n10:pids:/\n1:name=systemd:/docker/abc\n"
      "0::/system.slice/containerd.service\n");
  EXPECT_EQ(groups.identity, "/docker/abc");
  EXPECT_EQ(groups.cpu, "/docker/abc");
  EXPECT_EQ(groups.pids, "/");
  EXPECT_EQ(groups.io, "/system.slice/containerd.service");
}

TEST(ProcessCgroups, KeepControllersApart) {
  const auto groups =
      parse_process_cgroups("5:memory:/limited\n4:cpu:/quota\n1:name=systemd:/\n0::/\n");
  EXPECT_EQ(groups.identity, "/limited");
  EXPECT_EQ(groups.cpu, "/quota");
  EXPECT_EQ(groups.memory, "/limited");
}

TEST(ProcessCgroups, FallBackToTheRoot) {
  EXPECT_EQ(parse_process_cgroups("").identity, "/");
  EXPECT_EQ(parse_process_cgroups("0::\n3:cp").identity, "/");
}

TEST(CommandLine, JoinsArgumentsAndHidesControlCharacters) {
  using namespace std::literals;
  EXPECT_EQ(format_command_line("redis-server\0*:6379\0\0"sv, 256), "redis-server *:6379");
  EXPECT_EQ(format_command_line("a\nb\033[31m\0"sv, 256), "a?b?[31m");
  EXPECT_EQ(format_command_line("", 256), "");
}

TEST(CommandLine, NeverCutsACharacterInTwo) {
  EXPECT_EQ(format_command_line("abcé", 4), "abc");
  EXPECT_EQ(format_command_line("abcé", 5), "abcé");
  EXPECT_EQ(format_command_line("abcdef", 4), "abcd");
}

TEST(ProcessMaps, ConvertsKilobytes) {
  const auto maps = parse_process_maps(
      "55d0-7ffe ---p 00000000 00:00 0  [rollup]\nRss:  100 kB\nPss:  60 kB\nSwapPss:  1 kB\n");
  EXPECT_EQ(maps.rss_bytes, 102400);
  EXPECT_EQ(maps.pss_bytes, 61440);
  EXPECT_EQ(maps.swap_pss_bytes, 1024);
  EXPECT_TRUE(std::isnan(maps.lazyfree_bytes));
}

TEST(OwnIo, LeavesOutWhatAReapedChildHadDone) {
  OwnIo own;
  const auto counted = [](double written) {
    ProcessIo io;
    io.write_bytes = written;
    return io;
  };
  EXPECT_EQ(own.without_children(counted(100), 5).write_bytes, 100);
  EXPECT_EQ(own.without_children(counted(150), 5).write_bytes, 150);
  EXPECT_EQ(own.without_children(counted(9150), 77).write_bytes, 150);  // a child was reaped
  EXPECT_EQ(own.without_children(counted(9170), 77).write_bytes, 170);
  EXPECT_TRUE(std::isnan(own.without_children(counted(9170), 77).read_bytes));
}

}  // namespace
}  // namespace gala::proc_source
