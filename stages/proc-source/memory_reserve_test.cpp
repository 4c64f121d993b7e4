// Memory that was set aside on purpose is no shortage; a shortage beside it is one.
#include "stages/proc-source/memory_reserve.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stages/proc-source/test_tree.h"

namespace gala::proc_source {
namespace {

constexpr double gib = 1024.0 * 1024 * 1024;
constexpr double page_bytes = 4096;

BootTime at(int seconds) { return {std::chrono::seconds(seconds)}; }

std::string kb(std::string_view name, double gibibytes) {
  return std::string(name) + ": " + std::to_string(std::uint64_t(gibibytes * 1024 * 1024)) +
         " kB\n";
}

/// A host of 252 GiB; `lines` say what is special.
MemoryRow scan(const TestTree& tree, double available_gib, const std::string& lines) {
  tree.write("proc/meminfo", kb("MemTotal", 252) + kb("MemFree", available_gib / 2) +
                                 kb("MemAvailable", available_gib) + lines);
  Files files = tree.files();
  return MemoryScan(std::chrono::minutes(10), page_bytes).scan(files, at(1));
}

MemoryRow scan(double available_gib, const std::string& lines) {
  return scan(TestTree(), available_gib, lines);
}

// A hypervisor: 240 GiB of huge pages, 9 of the other 12 GiB available.
TEST(MemoryScan, CountsUseOfWhatHugePagesLeave) {
  const MemoryRow calm =
      scan(9, "HugePages_Total: 122880\nHugepagesize: 2048 kB\n" + kb("Hugetlb", 240));
  EXPECT_EQ(calm.set_aside_bytes, 240 * gib);
  EXPECT_DOUBLE_EQ(calm.used_percent, 25);
  EXPECT_DOUBLE_EQ(calm.rest_used_percent, 25);
  EXPECT_GT(scan(0.3, kb("Hugetlb", 240)).rest_used_percent, 95) << "the others are short";
}

// /proc/meminfo counts pages of the default size; before 4.15 it has no sum of all sizes either.
TEST(MemoryScan, FindsHugePagesOfEverySize) {
  const TestTree tree;
  tree.write("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "200\n");
  tree.write("sys/kernel/mm/hugepages/hugepages-1048576kB/surplus_hugepages", "0\n");
  tree.write("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "20480\n");
  tree.write("sys/kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages", "0\n");
  const MemoryRow row = scan(tree, 9, "HugePages_Total: 20480\nHugepagesize: 2048 kB\n");
  EXPECT_EQ(row.set_aside_bytes, 240 * gib);
  EXPECT_EQ(memory_value(row, "huge_bytes"), 240 * gib);
  EXPECT_EQ(scan(9, "HugePages_Total: 122880\nHugepagesize: 2048 kB\n").set_aside_bytes, 240 * gib)
      << "without /sys";
}

// Surplus pages come from ordinary memory: a program has taken them, nobody set them aside.
TEST(MemoryScan, TakesSurplusHugePagesForHeld) {
  const MemoryRow row = scan(9,
                             "HugePages_Total: 122880\nHugePages_Surp: 122880\n"
                             "Hugepagesize: 2048 kB\n" +
                                 kb("Hugetlb", 240));
  EXPECT_EQ(row.set_aside_bytes, 0);
  EXPECT_EQ(row.held_bytes, 240 * gib);
  EXPECT_DOUBLE_EQ(row.rest_used_percent, 25);
  EXPECT_GT(row.used_percent, 96);
}

// A database whose buffers are shared memory, or one that locks its memory.
TEST(MemoryScan, TakesSharedAndLockedMemoryForHeld) {
  EXPECT_DOUBLE_EQ(scan(9, kb("Shmem", 240)).rest_used_percent, 25);
  EXPECT_DOUBLE_EQ(scan(9, kb("Mlocked", 240)).rest_used_percent, 25);
  const MemoryRow both = scan(9, kb("Mlocked", 240) + kb("Shmem", 200));
  EXPECT_EQ(both.held_bytes, 240 * gib) << "shared memory may be what is locked";
  EXPECT_GT(scan(0.3, kb("Shmem", 240)).rest_used_percent, 95) << "the others are short";
}

// A tmpfs that fills up is no database: what grows is used.
TEST(MemoryScan, TakesGrowingSharedMemoryForUsed) {
  const TestTree tree;
  MemoryScan scan(std::chrono::minutes(10), page_bytes);
  MemoryRow row;
  for (int minute = 0; minute <= 30; ++minute) {
    tree.write("proc/meminfo", kb("MemTotal", 252) + kb("MemAvailable", 242 - 8 * minute) +
                                   kb("Shmem", 8 * minute));
    Files files = tree.files();
    row = scan.scan(files, at(60 * minute));
  }
  EXPECT_EQ(row.held_bytes, 0) << "nothing of it was there before it grew";
  EXPECT_GT(row.rest_used_percent, 95);
  EXPECT_GT(row.used_percent, 99);
}

double kept_after(KeptAmount& kept, int from_minute, int minutes, double first, double each) {
  double result = 0;
  for (int minute = 0; minute < minutes; ++minute) {
    result = kept.add(at(60 * (from_minute + minute)), first + each * minute);
  }
  return result;
}

TEST(KeptAmount, IsWhatStoppedGrowing) {
  KeptAmount kept(std::chrono::minutes(10));
  EXPECT_EQ(kept_after(kept, 0, 30, 100, 0), 100) << "it was there from the first moment on";
  EXPECT_EQ(kept_after(kept, 30, 5, 160, 0), 100) << "a guest has just started";
  EXPECT_EQ(kept_after(kept, 35, 12, 160, 0), 160) << "it keeps what it took";
  EXPECT_EQ(kept_after(kept, 47, 1, 40, 0), 40) << "it has ended";
}

TEST(KeptAmount, IsNothingThatGrowsHoweverSlowly) {
  KeptAmount kept(std::chrono::minutes(10));
  EXPECT_EQ(kept_after(kept, 0, 1000, 100, 0.01), 100);
  EXPECT_NEAR(kept_after(kept, 1000, 20, 110, 0), 110, 1e-9) << "until it stops";
}

TEST(MemoryScan, DoesNotCountABalloonForUse) {
  EXPECT_DOUBLE_EQ(scan(9, kb("Balloon", 240)).used_percent, 25);
  EXPECT_GT(scan(0.3, kb("Balloon", 240)).used_percent, 95) << "the others are short";
  const TestTree tree;  // before 6.17
  tree.write("proc/vmstat", "balloon_inflate 65000000\nballoon_deflate 2085440\n");
  EXPECT_DOUBLE_EQ(scan(tree, 9, "").used_percent, 25);
}

// Most balloon drivers lower MemTotal: nothing is missing from it then.
TEST(MemoryScan, DoesNotTakeABalloonOffTwice) {
  const MemoryRow row = scan(9, kb("AnonPages", 247.5) + kb("Balloon", 240));
  EXPECT_EQ(row.set_aside_bytes, 0);
  EXPECT_GT(row.used_percent, 96);
}

// The ARC gives back all but its least size; MemAvailable does not know it.
TEST(MemoryScan, CountsTheArcOfZfsAsAvailable) {
  const TestTree tree;
  tree.write("proc/spl/kstat/zfs/arcstats",
             "9 1 0x01 123 33456 8417871871 1234567890\nname type data\n"
             "c_min 4 8589934592\nc_max 4 137438953472\nsize 4 128849018880\n"
             "compressed_size 4 1\n");
  const MemoryRow row = scan(tree, 5, "");
  EXPECT_EQ(memory_value(row, "available_bytes"), (5 + 120 - 8) * gib);
  EXPECT_LT(row.rest_used_percent, 60);
  tree.write("proc/spl/kstat/zfs/arcstats", "size 4 8589934592\nc_min 4 8589934592\n");
  EXPECT_GT(scan(tree, 5, "").rest_used_percent, 95) << "an ARC that can give nothing back";
}

TEST(MemoryScan, LeavesOutWhatTheKernelKeepsForItself) {
  const TestTree tree;
  tree.write("proc/sys/vm/min_free_kbytes", "12582912\n");
  EXPECT_EQ(scan(tree, 9, "").set_aside_bytes, 12 * gib);
}

// What a crash kernel reserves is not in MemTotal: 1 GiB of 253 here.
TEST(MemoryScan, NeedsNothingForACrashKernel) {
  const TestTree tree;
  tree.write("sys/kernel/kexec_crash_size", "1073741824\n");
  const MemoryRow row = scan(tree, 126, "");
  EXPECT_EQ(row.set_aside_bytes, 0);
  EXPECT_DOUBLE_EQ(row.used_percent, 50);
}

TEST(MemoryScan, TakesNonsenseForNothing) {
  const TestTree tree;
  tree.write("sys/kernel/mm/hugepages/hugepages-xkB/nr_hugepages", "5\n");
  tree.write("proc/spl/kstat/zfs/arcstats", "size\nsize 4\nc_min 4 x\n");
  tree.write("proc/vmstat", "balloon_inflate 1\nballoon_deflate 2\n");
  const MemoryRow row = scan(tree, 126, "HugePages_Total: x\nHugetlb:\nShmem: -\n");
  EXPECT_EQ(row.set_aside_bytes, 0);
  EXPECT_EQ(row.held_bytes, 0);
  EXPECT_DOUBLE_EQ(row.used_percent, 50);
  const MemoryRow absurd = scan(126, kb("Hugetlb", 500));
  EXPECT_TRUE(std::isnan(absurd.used_percent)) << "more set aside than there is";
}

}  // namespace
}  // namespace gala::proc_source
