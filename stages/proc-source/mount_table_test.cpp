// Which mount a path lies on, and what is not asked.
#include "stages/proc-source/mount_table.h"

#include <gtest/gtest.h>

namespace gala::proc_source {
namespace {

TEST(MountTable, FindsTheNearestMount) {
  const MountTable table(
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 8:2 / /data rw - xfs /dev/sdb1 rw\n"
      "3 2 8:2 /secret /data/conf/server.conf ro - xfs /dev/sdb1 rw\n"
      "4 1 0:9 / /merged rw - overlay overlay rw\n");
  EXPECT_EQ(table.point_of("/etc/a.conf"), "/");
  EXPECT_EQ(table.point_of("/data/conf/a.conf"), "/data");
  EXPECT_EQ(table.point_of("/data"), "/data");
  EXPECT_EQ(table.point_of("/database/a.conf"), "/") << "no part of a name";
  EXPECT_EQ(table.point_of("/data/conf/server.conf"), "/data/conf/server.conf");
  EXPECT_EQ(table.point_of("/merged/a"), "/merged");
  EXPECT_EQ(table.point_of("/"), "/");
  EXPECT_EQ(table.point_of("relative"), "/");
  EXPECT_EQ(table.point_of(""), "/");
}

TEST(MountTable, GivesNoWayThroughWhatMayHang) {
  const MountTable table(
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "2 1 0:5 / /net rw - nfs4 server:/x rw\n"
      "3 2 8:2 / /net/local rw - ext4 /dev/sdb1 rw\n"
      "4 1 0:6 / /home rw - fuse.sshfs user@host: rw\n"
      "5 1 0:7 / /new rw - nobody-knows-it x rw\n");
  for (const char* path : {"/net/a", "/net", "/net/local/a", "/home/a", "/new/a"}) {
    EXPECT_EQ(table.point_of(path), std::nullopt) << path;
  }
  EXPECT_TRUE(table.may_hang("/net/local/a"));
  EXPECT_FALSE(table.may_hang("/new/a"));
}

TEST(MountTable, TakesTheLastOfTwoAtOnePlace) {
  const MountTable table(
      "2 1 8:2 / /data rw - xfs /dev/sdb1 rw\n"
      "3 2 0:5 / /data rw - nfs server:/x rw\n");
  ASSERT_EQ(table.mounts().size(), 1U);
  EXPECT_EQ(table.mounts()[0].type, "nfs");
  EXPECT_EQ(table.point_of("/data/a"), std::nullopt);
}

TEST(MountTable, KnowsNothingOfNothing) {
  EXPECT_EQ(MountTable().point_of("/a/b"), "/");
  EXPECT_EQ(MountTable("garbage\n\n1 2 3\n").point_of("/a/b"), "/");
}

}  // namespace
}  // namespace gala::proc_source
