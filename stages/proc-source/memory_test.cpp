// Memory of the host.
#include "stages/proc-source/memory.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gala::proc_source {
namespace {

TEST(Meminfo, ConvertsAndDerivesShares) {
  MemoryRow row;
  parse_meminfo("MemTotal: 1000 kB\nMemAvailable: 250 kB\nSwapTotal: 100 kB\nSwapFree: 25 kB\n",
                row);
  derive_shares(row);
  EXPECT_EQ(memory_value(row, "total_bytes"), 1024000);
  EXPECT_EQ(row.used_percent, 75);
  EXPECT_EQ(row.swap_used_percent, 75);
  EXPECT_TRUE(std::isnan(memory_value(row, "slab_bytes")));
  EXPECT_TRUE(std::isnan(memory_value(row, "no_such_column")));
}

// Kernels before 3.14 have no MemAvailable.
TEST(Meminfo, EstimatesWhatIsAvailable) {
  MemoryRow row;
  parse_meminfo(
      "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 100 kB\nSwapTotal: 0 kB", row);
  derive_shares(row);
  EXPECT_EQ(memory_value(row, "available_bytes"), 256000);
  EXPECT_EQ(row.used_percent, 75);
  EXPECT_TRUE(std::isnan(row.swap_used_percent));
}

TEST(Vmstat, SumsAllocationStallsOfAllZones) {
  MemoryRow row;
  parse_vmstat("allocstall_dma 1\nallocstall_normal 2\npgmajfault 50\npgpgin 4\npgfault\n", row);
  EXPECT_EQ(row.alloc_stall_count, 3);
  EXPECT_EQ(row.vmstat.values[1], 50);
  EXPECT_EQ(row.vmstat.values[2], 4096);
  EXPECT_TRUE(std::isnan(row.vmstat.values[0]));
}

}  // namespace
}  // namespace gala::proc_source
