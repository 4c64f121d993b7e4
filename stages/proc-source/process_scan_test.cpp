// Scans of processes: captured trees, processes that come, go and are replaced, and the running
// kernel.
#include "stages/proc-source/process_scan.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

namespace gala::proc_source {
namespace {

using ::testing::ElementsAre;

/// A procfs of our own making, removed at the end.
class Tree {
 public:
  Tree()
      : root_(std::filesystem::temp_directory_path() /
              ("gala_proc_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(root_ / "proc");
  }
  ~Tree() { std::filesystem::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  void add(int pid, const std::string& comm, int start_ticks, int utime_ticks = 0,
           char state = 'S') const {
    const auto directory = root_ / "proc" / std::to_string(pid);
    std::filesystem::create_directories(directory / "fd");
    std::ofstream(directory / "stat")
        << pid << " (" << comm << ") " << state << " 1 1 1 0 -1 0 0 0 0 0 " << utime_ticks
        << " 0 0 0 20 0 1 0 " << start_ticks << " 0 0 0\n";
    std::ofstream(directory / "cgroup") << "0::/" << comm << ".service\n";
    std::ofstream(directory / "cmdline") << comm;
  }
  void remove(int pid) const { std::filesystem::remove_all(root_ / "proc" / std::to_string(pid)); }
  [[nodiscard]] Files open() const { return std::move(*Files::open(root_)); }

 private:
  std::filesystem::path root_;
};

std::vector<std::uint64_t> tgids(const ProcessScan& scan) {
  std::vector<std::uint64_t> all;
  for (const ProcessRow* row : scan.rows()) {
    all.push_back(row->tgid);
  }
  return all;
}

HostMemory memory_of(double total_bytes) {
  HostMemory memory;
  memory.total_bytes = total_bytes;
  return memory;
}

BootTime at(int seconds) { return {std::chrono::seconds(seconds)}; }

TEST(ProcessScan, ReadsACapturedTree) {
  auto files = Files::open(GALA_DATA_DIR "/proc_v2");
  ASSERT_TRUE(files);
  ProcessScan scan({});
  const auto result = scan.scan(*files, at(1000), memory_of(2.0 * 765 * 4096));
  EXPECT_EQ(result.lost, 0U);
  ASSERT_THAT(tgids(scan), ElementsAre(1U, 2U, 100U, 200U));
  const ProcessRow& redis = *scan.rows()[2];
  EXPECT_EQ(redis.comm, "redis-server");
  EXPECT_EQ(redis.cmdline, "/usr/bin/redis-server 127.0.0.1:6379");
  EXPECT_EQ(redis.cgroup, "/system.slice/redis.service");
  EXPECT_EQ(redis.uid, 998U);
  EXPECT_EQ(redis.start_time_ns, 123'450'000'000U);
  EXPECT_EQ(redis.run_delay_ns, 2'500'000);
  EXPECT_EQ(redis.write_bytes, 8192);
  EXPECT_EQ(redis.fd_count, 3);
  EXPECT_EQ(redis.fd_limit, 10);
  EXPECT_EQ(redis.fd_free_percent, 70);
  EXPECT_EQ(redis.memory_percent, 50);
  EXPECT_EQ(redis.oom_score_adj, -17);
  const ProcessRow& kernel_thread = *scan.rows()[1];
  EXPECT_EQ(kernel_thread.kernel_thread, 1U);
  EXPECT_EQ(kernel_thread.cmdline, "[kthreadd]");
  EXPECT_TRUE(std::isnan(kernel_thread.fd_count));
}

TEST(ProcessScan, LeavesOutWhatCannotBeRead) {
  auto files = Files::open(GALA_DATA_DIR "/proc_weird");
  ASSERT_TRUE(files);
  ProcessScan scan({});
  scan.scan(*files, at(1000), {});
  ASSERT_THAT(tgids(scan), ElementsAre(100U));
  EXPECT_EQ(scan.rows()[0]->comm, "old (x) y");
  EXPECT_EQ(scan.rows()[0]->cgroup, "/");
  EXPECT_TRUE(std::isnan(scan.rows()[0]->run_delay_ns));
}

TEST(ProcessRow, HasTheMemoryThatItsGroupOrTheHostHasLeft) {
  HostMemory memory;
  memory.available_bytes = 1000;
  memory.group_left_bytes = {{"/small", 300}, {"/large", 5000}};
  ProcessRow row;
  row.memory_cgroup = "/small";
  row.derive(memory);
  EXPECT_EQ(row.memory_left_bytes, 300);
  row.memory_cgroup = "/large";
  row.derive(memory);
  EXPECT_EQ(row.memory_left_bytes, 1000);
  row.memory_cgroup = "/without";
  row.derive({});
  EXPECT_TRUE(std::isnan(row.memory_left_bytes));
}

TEST(ProcessScan, CountsStatesAndZombiesAtTheirParent) {
  const Tree tree;
  Files files = tree.open();
  ProcessScan scan({.comms = {"parent", "halted"}, .cgroups = {}, .units = {}});
  tree.add(1, "parent", 1);
  tree.add(10, "halted", 5, 0, 'T');
  tree.add(20, "dead", 6, 0, 'Z');
  tree.add(21, "dead", 7, 0, 'Z');
  for (int i = 0; i < 2; ++i) {  // a second scan does not count them twice
    scan.scan(files, at(i), {});
  }
  ASSERT_THAT(tgids(scan), ElementsAre(1U, 10U));
  EXPECT_EQ(scan.rows()[0]->zombie_children, 2);
  EXPECT_EQ(scan.rows()[0]->stopped, 0);
  EXPECT_EQ(scan.rows()[1]->stopped, 1);
  EXPECT_EQ(scan.states().zombies, 2);
  EXPECT_EQ(scan.states().stopped, 1);
  EXPECT_EQ(scan.states().sleeping, 1);
  EXPECT_EQ(scan.states().processes, 4);
}

TEST(ProcessScan, FollowsProcessesThatComeAndGo) {
  const Tree tree;
  Files files = tree.open();
  ProcessScan scan({});
  tree.add(10, "one", 5);
  tree.add(20, "two", 6);
  scan.scan(files, at(1), {});
  EXPECT_THAT(tgids(scan), ElementsAre(10U, 20U));
  tree.remove(10);
  tree.add(30, "three", 7);
  scan.scan(files, at(2), {});
  EXPECT_THAT(tgids(scan), ElementsAre(20U, 30U));
}

// A number that is used again is another process: none of the old one's facts may stick to it.
TEST(ProcessScan, NoticesAReusedNumber) {
  const Tree tree;
  Files files = tree.open();
  ProcessScan scan({});
  tree.add(10, "old", 5);
  scan.scan(files, at(100), {});
  tree.add(10, "new", 900);
  scan.scan(files, at(101), {});
  ASSERT_EQ(scan.rows().size(), 1U);
  EXPECT_EQ(scan.rows()[0]->comm, "new");
  EXPECT_EQ(scan.rows()[0]->cgroup, "/new.service");
  EXPECT_EQ(scan.rows()[0]->start_time_ns, 9'000'000'000U);
}

TEST(ProcessScan, FiltersByNameAndCgroup) {
  const Tree tree;
  Files files = tree.open();
  tree.add(10, "redis-server", 5);
  tree.add(20, "redis-cli", 5);
  tree.add(30, "java", 5);
  ProcessScanSettings settings;
  settings.comms = {"redis*"};
  ProcessScan by_name(settings);
  by_name.scan(files, at(1), {});
  EXPECT_THAT(tgids(by_name), ElementsAre(10U, 20U));
  settings.cgroups = {"/redis-s*"};
  ProcessScan by_both(settings);
  by_both.scan(files, at(1), {});
  EXPECT_THAT(tgids(by_both), ElementsAre(10U));
}

TEST(ProcessScan, CountsWhatItsLimitLeavesOut) {
  const Tree tree;
  Files files = tree.open();
  for (int pid = 1; pid <= 5; ++pid) {
    tree.add(pid, "p", 5);
  }
  ProcessScanSettings settings;
  settings.max_processes = 3;
  ProcessScan scan(settings);
  EXPECT_EQ(scan.scan(files, at(1), {}).lost, 2U);
  EXPECT_EQ(scan.rows().size(), 3U);
}

TEST(ProcessScan, ReadsMemoryOfTheLargest) {
  auto files = Files::open(GALA_DATA_DIR "/proc_v2");
  ASSERT_TRUE(files);
  ProcessScan scan({});
  scan.scan(*files, at(1), {});
  const auto rows = scan.read_memory(*files, {.rows = 2});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].pss_bytes, 2000 * 1024);
  EXPECT_GT(rows[0].start_time_ns, 0U);
  EXPECT_TRUE(scan.read_memory(*files, {.rows = 2, .resident_bytes = 4096}).empty());
}

/// The row of this test's own process.
const ProcessRow* find_self(const ProcessScan& scan) {
  for (const ProcessRow* row : scan.rows()) {
    if (row->tgid == static_cast<std::uint64_t>(::getpid())) {
      return row;
    }
  }
  return nullptr;
}

TEST(ProcessScanLive, FindsItselfAndItsCpuTime) {
  auto files = Files::open("/");
  ASSERT_TRUE(files);
  ProcessScan scan({});
  scan.scan(*files, at(0), memory_of(1e9));
  const ProcessRow* first = find_self(scan);
  ASSERT_NE(first, nullptr);
  EXPECT_GT(first->fd_count, 2);
  EXPECT_GT(first->rss_bytes, 0);
  EXPECT_GT(first->net_ns, 0U);
  const double cpu_before_ns = first->cpu_ns;
  const double faults_before = first->minor_faults_count;
  std::vector<char> touched(std::size_t{4} << 20, 'x');
  scan.scan(*files, at(1), memory_of(1e9));
  const ProcessRow* second = find_self(scan);
  ASSERT_NE(second, nullptr);
  EXPECT_GT(second->cpu_ns, cpu_before_ns) << touched.back();
  EXPECT_GT(second->minor_faults_count, faults_before);
}

TEST(ProcessScanLive, DropsAProcessThatEnded) {
  auto files = Files::open("/");
  ASSERT_TRUE(files);
  ProcessScan scan({});
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const auto has_child = [&] {
    return ::testing::Matches(::testing::Contains(static_cast<std::uint64_t>(child)))(tgids(scan));
  };
  scan.scan(*files, at(0), {});
  EXPECT_TRUE(has_child());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  scan.scan(*files, at(1), {});
  EXPECT_FALSE(has_child());
}

// /proc has the main thread's run-queue delay only; taskstats has that of all, ended ones included.
TEST(ProcessScanLive, SumsOverThreads) {
  auto stats = TaskStats::open();
  if (!stats) {
    GTEST_SKIP() << stats.error().what;
  }
  const auto own = static_cast<std::uint32_t>(::getpid());
  if (!stats->read(own)) {
    GTEST_SKIP() << "taskstats is refused without CAP_NET_ADMIN";
  }
  const double before = stats->read(own)->timeslices_count;
  {
    // Every sleep, however short, gives the CPU away once. (A token handed to and fro need not: the
    // waiter may spin.)
    const auto give_way = [] {
      for (int turn = 0; turn < 20; ++turn) {
        std::this_thread::sleep_for(std::chrono::microseconds(1));
      }
    };
    const std::jthread one(give_way);
    const std::jthread other(give_way);
  }
  EXPECT_GE(stats->read(own)->timeslices_count, before + 40);
}

TEST(TaskStats, RefusesGarbage) {
  EXPECT_FALSE(parse_taskstats({}));
  const std::vector<std::uint8_t> garbage(300, 0xff);
  EXPECT_FALSE(parse_taskstats(garbage));
}

}  // namespace
}  // namespace gala::proc_source
