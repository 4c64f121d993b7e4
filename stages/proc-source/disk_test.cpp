// Disks and partitions.
#include "stages/proc-source/disk.h"

#include <gmock/gmock.h>

#include <cmath>

#include "stages/proc-source/files.h"

namespace gala::proc_source {
namespace {

TEST(Diskstats, ConvertsSectorsAndMilliseconds) {
  const auto rows =
      parse_diskstats("   8       0 sda 100 5 2000 300 50 6 1000 200 3 400 500 7 0 70 8 9 10\n");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].device, (std::uint64_t{8} << 20));
  EXPECT_EQ(rows[0].reads_count, 100);
  EXPECT_EQ(rows[0].read_bytes, 2000 * 512);
  EXPECT_EQ(rows[0].write_time_ns, 200e6);
  EXPECT_EQ(rows[0].in_flight, 3);
  EXPECT_EQ(rows[0].busy_ns, 400e6);
  EXPECT_EQ(rows[0].discard_bytes, 70 * 512);
  EXPECT_EQ(rows[0].flush_time_ns, 10e6);
  EXPECT_EQ(rows[0].ios_count, 150);
}

TEST(Diskstats, TakesOldKernelsAndLeavesGarbage) {
  const auto rows = parse_diskstats(
      "   8       0 sda 100 5 2000 300 50 6 1000 200 3 400 500\n   8       1 sda1 1 2 3 4\n"
      " garbage\n   8 x sdb 1 2 3\n   8       2");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].weighted_time_ns, 500e6);
  EXPECT_TRUE(std::isnan(rows[0].flushes_count));
}

// Paths of NVMe multipath have no number of their own; names of named RAIDs may hold blanks, and
// later kernels may add columns.
TEST(Diskstats, TakesNamesAsTheyAre) {
  const std::string numbers = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17";
  const auto rows = parse_diskstats("   0       0 nvme0c0n1" + numbers + "\n 104 1 cciss/c0d0p1" +
                                    numbers + "\n   9 127 md_my  raid 5" + numbers + "\n");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].device, 0U);
  EXPECT_TRUE(std::isnan(rows[0].major));
  EXPECT_EQ(rows[1].blk_name, "cciss/c0d0p1");
  EXPECT_EQ(rows[1].major, 104);
  EXPECT_EQ(rows[2].blk_name, "md_my  raid 5");
  EXPECT_EQ(rows[2].reads_count, 1);
  const auto later = parse_diskstats("8 0 sda" + numbers + " 18 19\n8 16 sdb" + numbers + " 18 19");
  ASSERT_EQ(later.size(), 2U);
  EXPECT_EQ(later[0].blk_name, "sda");
  EXPECT_EQ(later[0].flush_time_ns, 17e6);
}

TEST(Scheduler, IsTheOneInBrackets) {
  EXPECT_EQ(parse_scheduler("[mq-deadline] kyber none\n"), "mq-deadline");
  EXPECT_EQ(parse_scheduler("none\n"), "none");
  EXPECT_EQ(parse_scheduler(""), "");
}

TEST(DiskScan, KnowsWholeDisksHoldersAndMountPoints) {
  auto files = Files::open(GALA_DATA_DIR "/proc_v2");
  ASSERT_TRUE(files);
  DiskScan scan(std::chrono::seconds(10));
  const auto rows = scan.scan(*files, BootTime{}, {{device_number(8, 1), "/"}});
  ASSERT_EQ(rows.size(), 3U) << "the unused loop device is left out";
  EXPECT_EQ(rows[0].blk_name, "sda");
  EXPECT_EQ(rows[0].disk_name, "sda");
  EXPECT_EQ(rows[0].rotational, 1U);
  EXPECT_EQ(rows[0].scheduler, "mq-deadline");
  EXPECT_EQ(rows[0].size_bytes, 2000000.0 * 512);
  EXPECT_EQ(rows[1].blk_name, "sda1");
  EXPECT_EQ(rows[1].disk_name, "sda");
  EXPECT_EQ(rows[1].partition, 1U);
  EXPECT_EQ(rows[1].holders, "dm-0");
  EXPECT_EQ(rows[1].mount_on, "/");
  EXPECT_EQ(rows[1].queue_limit, 256);
}

}  // namespace
}  // namespace gala::proc_source
