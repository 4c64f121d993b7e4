// Cgroups: their files, and whole v1, v2 and hybrid hierarchies.
#include <gmock/gmock.h>

#include <cmath>

#include "stages/proc-source/cgroup_scan.h"
#include "stages/proc-source/cgroup_text.h"
#include "stages/proc-source/pressure.h"
#include "stages/proc-source/process_scan.h"

namespace gala::proc_source {
namespace {

const std::string container = [] {
  std::string id;
  for (int i = 0; i < 16; ++i) {
    id += "4f2a";
  }
  return id;
}();

/// Rows of a captured tree by path.
std::map<std::string, CgroupRow> scan_tree(const std::string& tree, std::size_t limit = 100,
                                           std::uint64_t* lost = nullptr) {
  auto files = Files::open(std::string(GALA_DATA_DIR "/") + tree);
  ProcessScan processes({});
  processes.scan(*files, BootTime{}, {});
  CgroupScan cgroups(limit, std::chrono::seconds(10), 1e7);
  const std::uint64_t left_out = cgroups.scan(*files, BootTime{}, processes.rows());
  if (lost != nullptr) {
    *lost = left_out;
  }
  std::map<std::string, CgroupRow> rows;
  for (const CgroupRow& row : cgroups.rows()) {
    rows[row.cgroup] = row;
  }
  return rows;
}

TEST(CgroupMounts, TellVersionsApart) {
  const auto v1 =
      parse_cgroup_mounts("cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n");
  EXPECT_EQ(v1.version(), "v1");
  EXPECT_EQ(v1.cpu_accounting, "sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(parse_cgroup_mounts("c /sys/fs/cgroup cgroup2 rw 0 0\n").version(), "v2");
  EXPECT_EQ(parse_cgroup_mounts("c /a cgroup2 rw 0 0\nc /b cgroup rw,memory 0 0").version(),
            "hybrid");
  EXPECT_EQ(parse_cgroup_mounts("cgroup").unified, "");
}

TEST(CgroupScan, ReadsV2) {
  const auto rows = scan_tree("proc_v2");
  const CgroupRow& redis = rows.at("/system.slice/redis.service");
  EXPECT_EQ(redis.version, "v2");
  EXPECT_EQ(redis.parent, "/system.slice");
  EXPECT_EQ(redis.processes, 1U);
  EXPECT_GT(redis.cgroup_id, 0U);
  EXPECT_EQ(redis.cpu_ns, 1e6);
  EXPECT_EQ(redis.throttled_count, 5);
  EXPECT_EQ(redis.throttled_ns, 3e6);
  EXPECT_EQ(redis.cpu_quota_cores, 0.5);
  EXPECT_EQ(redis.memory_failures_count, 2);
  EXPECT_EQ(redis.memory_oom_kills_count, 4);
  EXPECT_EQ(redis.working_set_bytes, 1048576 - 262144);
  EXPECT_EQ(redis.memory_used_percent, 37.5);
  EXPECT_EQ(redis.read_bytes, 8192);
  EXPECT_EQ(redis.reads_count, 4);
  EXPECT_EQ(redis.pids_used_percent, 25);
  EXPECT_EQ(redis.memory_some_ns, 22e3);
  EXPECT_TRUE(std::isnan(redis.io_some_ns));
  const CgroupRow& slice = rows.at("/system.slice");
  EXPECT_EQ(slice.leaf, 0U);
  EXPECT_TRUE(std::isnan(slice.memory_limit_bytes)) << "\"max\" is no limit";
  EXPECT_FALSE(rows.contains("/"));
}

TEST(CgroupScan, ReadsV1) {
  const CgroupRow row = scan_tree("proc_v1").at("/docker/" + container);
  EXPECT_EQ(row.version, "v1");
  EXPECT_EQ(row.cgroup_id, 0U);
  EXPECT_EQ(row.cpu_ns, 1e6);
  EXPECT_EQ(row.cpu_user_ns, 6e7);
  EXPECT_EQ(row.throttled_ns, 3e6);
  EXPECT_EQ(row.cpu_quota_cores, 1.5);
  EXPECT_EQ(row.memory_failures_count, 7);
  EXPECT_TRUE(std::isnan(row.memory_limit_bytes));
  EXPECT_EQ(row.memory_oom_kills_count, 4);
  EXPECT_EQ(row.rss_bytes, 524288);
  EXPECT_EQ(row.write_bytes, 8192);
  EXPECT_EQ(row.writes_count, 2);
  EXPECT_TRUE(std::isnan(row.pids_limit));
}

// Each controller has its own path there; each path is a row with what its hierarchies know.
TEST(CgroupScan, ReadsHybrid) {
  const auto rows = scan_tree("proc_hybrid");
  EXPECT_EQ(rows.at("/quota").throttled_count, 5);
  EXPECT_TRUE(std::isnan(rows.at("/quota").cpu_quota_cores)) << "a quota of -1 is none";
  EXPECT_EQ(rows.at("/limited").processes, 1U);
  EXPECT_EQ(rows.at("/unified.slice").memory_bytes, 4096);
  EXPECT_EQ(rows.at("/unified.slice").memory_some_ns, 22e3);
}

TEST(CgroupScan, CountsWhatItsLimitLeavesOut) {
  std::uint64_t lost = 0;
  EXPECT_EQ(scan_tree("proc_v2", 2, &lost).size(), 2U);
  EXPECT_GT(lost, 0U);
}

TEST(CgroupText, SurvivesGarbage) {
  CgroupRow row;
  v2::parse_cpu_stat("usage_usec\nnr_throttled x\n\n:", row);
  v2::parse_cpu_max("", row);
  v2::parse_io_stat("8:0 rbytes= wbytes=x rios=3 =\n\n", row);
  v1::parse_blkio_bytes("8:0\nRead 5\n8:0 Read\n", row);
  v1::set_cpu_quota(50000, 0, row);
  derive(row);
  EXPECT_TRUE(std::isnan(row.cpu_ns));
  EXPECT_TRUE(std::isnan(row.cpu_quota_cores));
  EXPECT_EQ(row.reads_count, 3);
  EXPECT_EQ(row.read_bytes, 0);
  EXPECT_TRUE(std::isnan(row.working_set_bytes));
}

TEST(Pressure, ReadsSomeAndFull) {
  const auto row =
      parse_pressure("some avg10=1.46 avg60=1.27 avg300=0.39 total=5567777\nfull avg10=0.25 avg60");
  EXPECT_EQ(row.some_ns, 5567777e3);
  EXPECT_EQ(row.some_avg10_percent, 1.46);
  EXPECT_EQ(row.full_avg10_percent, 0.25);
  EXPECT_TRUE(std::isnan(row.full_ns));
}

TEST(Pressure, IsAbsentWhenTheKernelHasNone) {
  auto files = Files::open(GALA_DATA_DIR "/proc_v1");
  ASSERT_TRUE(files);
  EXPECT_TRUE(read_pressure(*files).empty());
}

TEST(CgroupMemory, TheTightestGroupOnTheWayUpCounts) {
  std::vector<CgroupRow> rows(3);
  rows[0].cgroup = "/a";
  rows[0].memory_limit_bytes = 1000;
  rows[0].working_set_bytes = 900;
  rows[1].cgroup = "/a/b";
  rows[1].parent = "/a";
  rows[1].memory_limit_bytes = 500;
  rows[1].memory_bytes = 100;
  rows[2].cgroup = "/free";
  const auto left = memory_left(rows);
  EXPECT_EQ(left.at("/a"), 100);
  EXPECT_EQ(left.at("/a/b"), 100);
  EXPECT_FALSE(left.contains("/free"));
}

}  // namespace
}  // namespace gala::proc_source
