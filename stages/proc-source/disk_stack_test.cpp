// Disks whose names, numbers or legs are not simple, as /proc and /sys show them.
#include "stages/proc-source/disk_stack.h"

#include <gmock/gmock.h>

#include <cmath>

#include "stages/proc-source/filesystem.h"
#include "stages/proc-source/test_tree.h"

namespace gala::proc_source {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A host's block devices: what diskstats, /sys and mountinfo say of them.
class Host {
 public:
  /// Name as diskstats prints it; `whole` is the disk of a partition.
  Host& device(const std::string& name, const std::string& number, const std::string& whole = "") {
    const std::string numbers = " 10 0 640 20 10 0 640 20 0 40 40 0 0 0 0 0 0\n";
    std::string words = number;
    words[number.find(':')] = ' ';
    diskstats_ += "   " + words + " " + name + numbers;
    tree_.write("proc/diskstats", diskstats_);
    const std::string directory =
        "sys/devices/block/" + (whole.empty() ? "" : sysfs_name(whole) + "/") + sysfs_name(name);
    tree_.write(directory + "/size", "2000000\n");
    if (number != "0:0") {
      tree_.write(directory + "/dev", number + "\n");
    }
    if (whole.empty()) {
      tree_.write(directory + "/queue/nr_requests", "256\n");
    } else {
      tree_.write(directory + "/partition", "1\n");
    }
    tree_.link("sys/class/block/" + sysfs_name(name), "../../" + directory.substr(4));
    return *this;
  }
  Host& attribute(const std::string& name, const std::string& file, const std::string& text) {
    tree_.write("sys/class/block/" + sysfs_name(name) + "/" + file, text);
    return *this;
  }
  Host& slaves(const std::string& name, const std::vector<std::string>& slaves) {
    for (const std::string& slave : slaves) {
      attribute(name, "slaves/" + sysfs_name(slave), "");
    }
    return *this;
  }
  Host& mounted(const std::string& number, const std::string& point, const std::string& source) {
    mounts_ += "22 1 " + number + " / " + point + " rw - ext4 " + source + " rw\n";
    tree_.write("proc/1/mountinfo", mounts_);
    return *this;
  }
  /// Takes everything away that was said of block devices.
  Host& unplug(const std::string& name) {
    tree_.remove("sys/class/block/" + sysfs_name(name));
    tree_.remove("sys/devices/block/" + sysfs_name(name));
    diskstats_.clear();
    return *this;
  }

  std::vector<DiskRow> scan(DiskScan& scan, int second = 1) {
    Files files = tree_.files();
    filesystems = read_filesystems(files, [](const std::string& /*path*/) {
      return FilesystemUsage{.block_bytes = 4096, .blocks = 100};
    });
    auto rows = scan.scan(files, {std::chrono::seconds(second)}, mount_points_of(filesystems));
    set_disks(rows, filesystems);
    return rows;
  }
  std::vector<DiskRow> scan() {
    DiskScan once(std::chrono::seconds(10));
    return scan(once);
  }

  std::vector<FilesystemRow> filesystems;

 private:
  TestTree tree_;
  std::string diskstats_;
  std::string mounts_;
};

const DiskRow& find(const std::vector<DiskRow>& rows, const std::string& name) {
  static const DiskRow none;
  const auto found = std::ranges::find(rows, name, &DiskRow::blk_name);
  EXPECT_NE(found, rows.end()) << name;
  return found == rows.end() ? none : *found;
}

std::vector<std::string> wholes(const std::vector<DiskRow>& rows) {
  std::vector<std::string> names;
  for (const DiskRow& row : rows) {
    if (row.partition == 0) {
      names.push_back(row.disk_name);
    }
  }
  return names;
}

std::vector<std::string> legs(const std::vector<DiskRow>& rows, const std::string& name) {
  std::uint64_t lost = 0;
  std::vector<std::string> names;
  for (const DiskLegRow& row : disk_legs(rows, 100, lost)) {
    if (row.disk_name == name) {
      names.push_back(row.beneath + " " + std::to_string(static_cast<int>(row.depth)));
    }
  }
  return names;
}

TEST(DiskStack, KnowsPathsOfNvmeMultipath) {
  EXPECT_EQ(multipath_head("nvme0c1n1"), "nvme0n1");
  EXPECT_EQ(multipath_head("nvme12c345n67"), "nvme12n67");
  for (const char* other :
       {"nvme0n1", "nvme0c1n1p1", "nvmec1n1", "nvme0c1", "nvme0cn1", "sda", ""}) {
    EXPECT_EQ(multipath_head(other), "") << other;
  }
  Host host;
  host.device("nvme0c0n1", "0:0").device("nvme0c1n1", "0:0").device("nvme0n1", "259:1");
  host.device("nvme0n1p1", "259:2", "nvme0n1").mounted("259:2", "/data", "/dev/nvme0n1p1");
  host.device("nvme1c1n1", "0:0").device("nvme1n1", "259:3");
  const auto rows = host.scan();
  EXPECT_THAT(wholes(rows),
              ElementsAre("nvme0c0n1", "nvme0c1n1", "nvme0n1", "nvme1c1n1", "nvme1n1"));
  EXPECT_EQ(find(rows, "nvme0n1").beneath, "nvme0c0n1,nvme0c1n1");
  EXPECT_EQ(find(rows, "nvme1n1").beneath, "nvme1c1n1");
  EXPECT_EQ(find(rows, "nvme0c0n1").beneath, "");
  EXPECT_TRUE(std::isnan(find(rows, "nvme1c1n1").major)) << "0:0 names neither path";
  EXPECT_EQ(host.filesystems.at(0).blk_name, "nvme0n1p1");
  EXPECT_EQ(host.filesystems.at(0).disk_name, "nvme0n1");
}

TEST(DiskStack, FindsNamesWithASlash) {
  Host host;
  host.device("cciss/c0d0", "104:0").device("cciss/c0d0p1", "104:1", "cciss/c0d0");
  host.attribute("cciss/c0d0", "queue/scheduler", "[none] mq-deadline\n");
  host.mounted("104:1", "/old", "/dev/cciss/c0d0p1");
  host.device("dm-0", "253:0").slaves("dm-0", {"cciss/c0d0p1"});
  const auto rows = host.scan();
  EXPECT_THAT(wholes(rows), ElementsAre("cciss/c0d0", "dm-0"));
  EXPECT_EQ(find(rows, "cciss/c0d0").size_bytes, 2000000.0 * 512);
  EXPECT_EQ(find(rows, "cciss/c0d0").queue_limit, 256);
  EXPECT_EQ(find(rows, "cciss/c0d0").scheduler, "none");
  EXPECT_EQ(find(rows, "cciss/c0d0p1").disk_name, "cciss/c0d0");
  EXPECT_EQ(find(rows, "dm-0").beneath, "cciss/c0d0");
  EXPECT_EQ(host.filesystems.at(0).blk_name, "cciss/c0d0p1");
  EXPECT_EQ(host.filesystems.at(0).disk_name, "cciss/c0d0");
}

// Every leg counts: the slow one may be any.
TEST(DiskStack, NamesAllLegsOfARaid) {
  Host host;
  host.device("sda", "8:0").device("sda1", "8:1", "sda").device("sda2", "8:2", "sda");
  host.device("sdb", "8:16").device("sdb1", "8:17", "sdb");
  host.device("md0", "9:0").slaves("md0", {"sda1", "sda2", "sdb1"}).device("md0p1", "259:0", "md0");
  host.mounted("259:0", "/raid", "/dev/md0p1");
  const auto rows = host.scan();
  EXPECT_EQ(find(rows, "md0").beneath, "sda,sdb");
  EXPECT_THAT(legs(rows, "md0"), ElementsAre("sda 1", "sdb 1"));
  EXPECT_EQ(host.filesystems.at(0).disk_name, "md0");
}

// LVM on LUKS on a RAID of NVMe with multipath: what the requests end on is reached from the top.
TEST(DiskStack, ReachesWhatIsFurtherDown) {
  Host host;
  host.device("nvme0c0n1", "0:0").device("nvme0n1", "259:0");
  host.device("nvme1c0n1", "0:0").device("nvme1n1", "259:1");
  host.device("md127", "9:127").slaves("md127", {"nvme0n1", "nvme1n1"});
  host.device("dm-0", "253:0").slaves("dm-0", {"md127"}).attribute("dm-0", "dm/name", "luks\n");
  host.device("dm-1", "253:1").slaves("dm-1", {"dm-0"}).attribute("dm-1", "dm/name", "vg-data\n");
  host.mounted("0:45", "/data", "/dev/mapper/vg-data");  // btrfs: a number of its own
  host.device("loop0", "7:0").attribute("loop0", "loop/backing_file", "/data/images/a.img\n");
  const auto rows = host.scan();
  EXPECT_EQ(find(rows, "dm-1").mapped_name, "vg-data");
  EXPECT_EQ(find(rows, "loop0").beneath, "dm-1");
  EXPECT_EQ(host.filesystems.at(0).disk_name, "dm-1");
  EXPECT_THAT(legs(rows, "loop0"), ElementsAre("dm-1 1", "dm-0 2", "md127 3", "nvme0n1 4",
                                               "nvme1n1 4", "nvme0c0n1 5", "nvme1c0n1 5"));
  EXPECT_THAT(legs(rows, "nvme0c0n1"), IsEmpty());
}

TEST(DiskStack, FollowsBackingDevicesAndFiles) {
  Host host;
  host.device("sda", "8:0").device("sda1", "8:1", "sda").device("sdb", "8:16");
  host.mounted("8:1", "/", "/dev/sda1").mounted("8:16", "/srv", "/dev/sdb");
  host.device("dm-0", "253:0").slaves("dm-0", {"sdb"}).attribute("dm-0", "dm/name", "vg-a\n");
  const std::vector<std::pair<std::string, std::string>> files{
      {"loop0", "/srv/images/a.img"}, {"loop1", "/srvother/b.img"},  {"loop2", "/gone (deleted)"},
      {"loop3", "/dev/sdb"},          {"loop4", "/dev/mapper/vg-a"}, {"loop5", "/dev/none"}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    host.device(files[i].first, "7:" + std::to_string(i));
    host.attribute(files[i].first, "loop/backing_file", files[i].second);
  }
  host.device("zram0", "252:0").attribute("zram0", "backing_dev", "/dev/sda1\n");
  host.device("zram1", "252:1").attribute("zram1", "backing_dev", "none\n");
  const auto rows = host.scan();
  const std::vector<std::string> beneath{"sdb", "sda", "sda", "sdb", "dm-0", ""};
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(find(rows, files[i].first).beneath, beneath[i]) << files[i].second;
  }
  EXPECT_EQ(find(rows, "zram0").beneath, "sda");
  EXPECT_EQ(find(rows, "zram1").beneath, "");
}

TEST(DiskStack, KeepsBootPartitionsOfMmcApart) {
  Host host;
  host.device("mmcblk0", "179:0").device("mmcblk0p1", "179:1", "mmcblk0");
  host.device("mmcblk0boot0", "179:8");
  EXPECT_THAT(wholes(host.scan()), ElementsAre("mmcblk0", "mmcblk0boot0"));
}

TEST(DiskStack, FollowsHotPluggingAtOnce) {
  Host host;
  DiskScan scan(std::chrono::seconds(10));
  host.device("nvme0n1", "259:1");
  EXPECT_THAT(wholes(host.scan(scan, 1)), ElementsAre("nvme0n1"));
  host.unplug("nvme0n1").device("nvme2n1", "259:1").device("sda", "8:0");
  EXPECT_THAT(wholes(host.scan(scan, 2)), ElementsAre("nvme2n1", "sda"));
  // The same name, now a partitioned disk of another number.
  host.unplug("nvme2n1").unplug("sda").device("sda", "8:16").device("sda1", "8:17", "sda");
  EXPECT_EQ(host.scan(scan, 3).size(), 2U);
  EXPECT_EQ(find(host.scan(scan, 4), "sda1").disk_name, "sda");
}

// A mount of what has gone, slaves that nobody knows, disks that stand on each other, on
// themselves.
TEST(DiskStack, StaysCalmWhenThingsDoNotFit) {
  Host host;
  host.device("sda", "8:0").device("sda1", "8:1", "sda").slaves("sda", {"sda1", "gone"});
  host.device("dm-0", "253:0").slaves("dm-0", {"dm-1"});
  host.device("dm-1", "253:1").slaves("dm-1", {"dm-0"});
  host.mounted("0:40", "/", "/dev/gone").mounted("0:41", "/b", "/dev/mapper/gone");
  const auto rows = host.scan();
  EXPECT_EQ(find(rows, "sda").beneath, "");
  EXPECT_THAT(legs(rows, "dm-0"), ElementsAre("dm-1 1"));
  std::uint64_t lost = 0;
  EXPECT_EQ(disk_legs(rows, 1, lost).size(), 1U);
  EXPECT_EQ(lost, 1U);
}

}  // namespace
}  // namespace gala::proc_source
