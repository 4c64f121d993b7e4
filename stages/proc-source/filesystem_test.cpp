// Mounted local filesystems.
#include "stages/proc-source/filesystem.h"

#include <gmock/gmock.h>

#include <cmath>

#include "stages/proc-source/disk.h"

namespace gala::proc_source {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> mount_points(std::string_view text) {
  std::vector<std::string> points;
  for (const FilesystemRow& row : parse_mountinfo(text)) {
    points.push_back(row.mount_on);
  }
  return points;
}

TEST(Mountinfo, ReadsDeviceTypeAndState) {
  const auto rows = parse_mountinfo(
      "24 21 253:0 / /srv/my\\040data ro,relatime shared:1 master:2 - xfs /dev/mapper/vg-data "
      "rw\n");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].mount_on, "/srv/my data");
  EXPECT_EQ(rows[0].mount_status, "ro");
  EXPECT_EQ(rows[0].fs_type, "xfs");
  EXPECT_EQ(rows[0].device, device_number(253, 0));
  EXPECT_EQ(rows[0].blk_name, "vg-data");
}

// Asking a dead server, or a path that leads through its mount point, would block the stage for
// ever.
TEST(Mountinfo, NeverTouchesWhatMayHang) {
  EXPECT_THAT(mount_points("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                           "2 1 0:50 / /mnt/nfs rw - nfs4 server:/export rw\n"
                           "3 2 8:17 / /mnt/nfs/inner rw - ext4 /dev/sdb1 rw\n"
                           "4 1 8:33 / /mnt/nfs2 rw - ext4 /dev/sdc1 rw\n"
                           "5 1 0:51 / /home/u rw - fuse.sshfs u@h: rw\n"
                           "6 1 0:52 / /auto rw - autofs x rw\n"),
              ElementsAre("/", "/mnt/nfs2"));
}

TEST(Mountinfo, TakesEachDeviceOnce) {
  EXPECT_THAT(mount_points("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                           "2 1 8:1 /var /bind rw - ext4 /dev/sda1 rw\n"
                           "3 1 0:20 / /proc rw - proc proc rw\n"
                           "4 1 7:0 / /snap/x ro - squashfs /dev/loop0 ro\n"),
              ElementsAre("/"));
}

TEST(Mountinfo, PassesOverGarbage) {
  EXPECT_THAT(
      mount_points("21 1 8:1 / / rw,relatime - ext4\n22 21\n23 1 8:x / /a rw - ext4 /dev/b\n"
                   "24 1 8:2 / /b rw shared:1"),
      ElementsAre("/"));
}

TEST(FilesystemUsage, ShowsWhatDfShows) {
  FilesystemRow row;
  set_usage({.block_bytes = 4096,
             .blocks = 1000,
             .free_blocks = 400,
             .available_blocks = 200,
             .inodes = 100,
             .free_inodes = 25},
            row);
  EXPECT_EQ(row.used_bytes, 600 * 4096);
  EXPECT_EQ(row.used_percent, 75);  // reserved blocks count as neither
  EXPECT_EQ(row.inodes_used_percent, 75);
  FilesystemRow without_inodes;
  set_usage({.block_bytes = 4096, .blocks = 10, .free_blocks = 5, .available_blocks = 5},
            without_inodes);
  EXPECT_TRUE(std::isnan(without_inodes.inodes_used_percent));
}

TEST(ReadFilesystems, AsksBelowTheRoot) {
  auto files = Files::open(GALA_DATA_DIR "/proc_v2");
  ASSERT_TRUE(files);
  std::vector<std::string> asked;
  const auto rows = read_filesystems(*files, [&](const std::string& path) {
    asked.push_back(path.substr(std::string(GALA_DATA_DIR "/proc_v2").size()));
    return FilesystemUsage{.block_bytes = 1, .blocks = 10};
  });
  EXPECT_THAT(asked, ElementsAre("/", "/run", "/srv/my data"));
  EXPECT_EQ(rows.size(), 3U);
}

}  // namespace
}  // namespace gala::proc_source
