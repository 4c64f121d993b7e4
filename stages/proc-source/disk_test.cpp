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

TEST(Scheduler, IsTheOneInBrackets) {
  EXPECT_EQ(parse_scheduler("[mq-deadline] kyber none\n"), "mq-deadline");
  EXPECT_EQ(parse_scheduler("none\n"), "none");
  EXPECT_EQ(parse_scheduler(""), "");
}

DiskRow device(const std::string& name, std::uint64_t minor, const std::string& disk) {
  DiskRow row;
  row.blk_name = name;
  row.disk_name = disk;
  row.device = device_number(8, minor);
  return row;
}

TEST(Beneath, IsTheDiskThatRequestsEndOn) {
  std::vector<DiskRow> rows{device("sda", 0, "sda"),      device("sda1", 1, "sda"),
                            device("sdb", 16, "sdb"),     device("dm-0", 32, "dm-0"),
                            device("loop0", 48, "loop0"), device("loop1", 49, "loop1"),
                            device("loop2", 50, "loop2")};
  rows[3].slaves = {"sda1", "sdb"};
  rows[4].backing_file = "/srv/images/a.img";
  rows[5].backing_file = "/srvother/b.img";
  rows[6].backing_file = "/deleted (deleted)";
  find_beneath(rows, {{device_number(8, 1), "/"}, {device_number(8, 16), "/srv"}});
  EXPECT_EQ(rows[0].beneath, "");
  EXPECT_EQ(rows[3].beneath, "sda");
  EXPECT_EQ(rows[4].beneath, "sdb");
  EXPECT_EQ(rows[5].beneath, "sda");
  EXPECT_EQ(rows[6].beneath, "sda");
}

TEST(Beneath, IsUnknownWhereTheFileSystemHasNoDisk) {
  std::vector<DiskRow> rows{device("loop0", 48, "loop0"), device("dm-0", 32, "dm-0")};
  rows[0].backing_file = "/images/a.img";
  rows[1].slaves = {"gone"};
  find_beneath(rows, {{device_number(0, 40), "/"}});
  EXPECT_EQ(rows[0].beneath, "");
  EXPECT_EQ(rows[1].beneath, "");
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
