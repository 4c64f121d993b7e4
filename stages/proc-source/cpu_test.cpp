// CPU times, soft interrupts and packet backlog.
#include "stages/proc-source/cpu.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gala::proc_source {
namespace {

constexpr double ns_per_tick = 1e7;

constexpr std::string_view two_cpus =
    "cpu  300 10 200 5000 50 0 20 5 7 0\ncpu0 100 5 100 2500 25 0 10 2 7 0\n"
    "cpu1 200 5 100 2500 25 0 10 3 0 0\nctxt 4711\nprocesses 815\nprocs_running 2\n";

TEST(CpuStat, SumsWhatIsBusy) {
  const CpuSample sample = parse_cpu_stat(two_cpus, ns_per_tick);
  ASSERT_EQ(sample.cpus.size(), 2U);
  EXPECT_EQ(sample.cpus[1].cpu, "cpu1");
  EXPECT_EQ(sample.cpus[1].user_ns, 2e9);
  EXPECT_EQ(sample.total.busy_ns, (300 + 10 + 200 + 0 + 20 + 5) * ns_per_tick);
  EXPECT_EQ(sample.total.total_ns, sample.total.busy_ns + 5050 * ns_per_tick);
  EXPECT_EQ(sample.total.context_switches_count, 4711);
  EXPECT_EQ(sample.total.cpu_count, 2);
}

TEST(CpuStat, TakesShortLinesOfOldKernels) {
  const CpuSample sample = parse_cpu_stat("cpu 300 10 200 5000\ncpu0 300 10 200 50", ns_per_tick);
  ASSERT_EQ(sample.cpus.size(), 1U);
  EXPECT_EQ(sample.cpus[0].busy_ns, 510 * ns_per_tick);
  EXPECT_TRUE(std::isnan(sample.cpus[0].steal_ns));
  EXPECT_TRUE(parse_cpu_stat("", ns_per_tick).cpus.empty());
}

TEST(Softirqs, FollowTheHeadingsCpus) {
  auto cpus = parse_cpu_stat(two_cpus, ns_per_tick).cpus;
  // CPU 0 is offline: the only column belongs to CPU 1.
  parse_softirqs("                    CPU1\n      NET_RX:  1833\n  TIMER:", cpus);
  EXPECT_EQ(cpus[1].softirq_net_rx_count, 1833);
  EXPECT_TRUE(std::isnan(cpus[0].softirq_net_rx_count));
  EXPECT_TRUE(std::isnan(cpus[1].softirq_timer_count));
}

TEST(Softnet, NamesItsCpuOnNewKernels) {
  auto cpus = parse_cpu_stat(two_cpus, ns_per_tick).cpus;
  parse_softnet("0000000a 00000001 00000002 0 0 0 0 0 0 00000004 0 0 00000001 0 0\n", cpus);
  EXPECT_EQ(cpus[1].backlog_processed_count, 10);
  EXPECT_EQ(cpus[1].backlog_drops_count, 1);
  EXPECT_EQ(cpus[1].time_squeeze_count, 2);
  EXPECT_EQ(cpus[1].rps_count, 4);
  EXPECT_TRUE(std::isnan(cpus[0].backlog_processed_count));
}

TEST(Softnet, CountsLinesOnOldKernelsAndPassesOverGarbage) {
  auto cpus = parse_cpu_stat(two_cpus, ns_per_tick).cpus;
  parse_softnet("0000000a 00000001 00000002\nzz\n1 2 3\n", cpus);
  EXPECT_EQ(cpus[0].backlog_drops_count, 1);
  EXPECT_TRUE(std::isnan(cpus[1].backlog_drops_count));
}

TEST(CpuClocks, BelongToTheirProcessor) {
  auto cpus = parse_cpu_stat(two_cpus, ns_per_tick).cpus;
  parse_cpu_clocks("processor\t: 1\ncpu MHz\t\t: 3000.25\nprocessor\t: 9\ncpu MHz : 1\n", cpus);
  EXPECT_EQ(cpus[1].mhz, 3000.25);
  EXPECT_TRUE(std::isnan(cpus[0].mhz));
}

}  // namespace
}  // namespace gala::proc_source
