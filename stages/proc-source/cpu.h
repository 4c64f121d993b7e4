// CPUs: where their time went, soft interrupts, packet backlog.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "stages/proc-source/files.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// Time of one CPU, or of all together, by what it was spent on.
struct CpuTimes {
  double user_ns = not_measured;
  double nice_ns = not_measured;
  double system_ns = not_measured;
  double idle_ns = not_measured;
  double iowait_ns = not_measured;
  double irq_ns = not_measured;
  double softirq_ns = not_measured;
  double steal_ns = not_measured;
  /// Time of guests; part of user_ns already.
  double guest_ns = not_measured;
  /// All but idle and iowait; and everything.
  double busy_ns = not_measured;
  double total_ns = not_measured;
};

template <class Row>
constexpr auto cpu_time_cells() {
  return std::tuple{
      Counter<Row>{"user_ns", &Row::user_ns},       Counter<Row>{"nice_ns", &Row::nice_ns},
      Counter<Row>{"system_ns", &Row::system_ns},   Counter<Row>{"idle_ns", &Row::idle_ns},
      Counter<Row>{"iowait_ns", &Row::iowait_ns},   Counter<Row>{"irq_ns", &Row::irq_ns},
      Counter<Row>{"softirq_ns", &Row::softirq_ns}, Counter<Row>{"steal_ns", &Row::steal_ns},
      Counter<Row>{"guest_ns", &Row::guest_ns},     Counter<Row>{"busy_ns", &Row::busy_ns},
      Counter<Row>{"total_ns", &Row::total_ns},
  };
}

struct CpuRow : CpuTimes {
  static constexpr std::string_view table = "system.cpu";
  using Row = CpuRow;
  static constexpr auto cells() {
    return std::tuple_cat(
        std::tuple{Text<Row>{"cpu", &Row::cpu}}, cpu_time_cells<Row>(),
        std::tuple{
            Counter<Row>{"softirq_timer_count", &Row::softirq_timer_count},
            Counter<Row>{"softirq_sched_count", &Row::softirq_sched_count},
            Counter<Row>{"softirq_net_rx_count", &Row::softirq_net_rx_count},
            Counter<Row>{"softirq_net_tx_count", &Row::softirq_net_tx_count},
            Counter<Row>{"softirq_rcu_count", &Row::softirq_rcu_count},
            Counter<Row>{"softirq_block_count", &Row::softirq_block_count},
            Counter<Row>{"backlog_processed_count", &Row::backlog_processed_count},
            Counter<Row>{"backlog_drops_count", &Row::backlog_drops_count},
            Counter<Row>{"time_squeeze_count", &Row::time_squeeze_count},
            Counter<Row>{"rps_count", &Row::rps_count},
            Gauge<Row>{"mhz", &Row::mhz},
        });
  }

  /// "cpu0", "cpu1", …
  std::string cpu;
  double softirq_timer_count = not_measured;
  double softirq_sched_count = not_measured;
  double softirq_net_rx_count = not_measured;
  double softirq_net_tx_count = not_measured;
  double softirq_rcu_count = not_measured;
  double softirq_block_count = not_measured;
  double backlog_processed_count = not_measured;
  double backlog_drops_count = not_measured;
  double time_squeeze_count = not_measured;
  double rps_count = not_measured;
  double mhz = not_measured;
};

struct CpuTotalRow : CpuTimes {
  static constexpr std::string_view table = "system.cpu_total";
  using Row = CpuTotalRow;
  static constexpr auto cells() {
    return std::tuple_cat(std::tuple{Text<Row>{"cpu", &Row::cpu}}, cpu_time_cells<Row>(),
                          std::tuple{
                              Counter<Row>{"context_switches_count", &Row::context_switches_count},
                              Counter<Row>{"interrupts_count", &Row::interrupts_count},
                              Counter<Row>{"softirqs_count", &Row::softirqs_count},
                              Counter<Row>{"forks_count", &Row::forks_count},
                              Gauge<Row>{"cpu_count", &Row::cpu_count},
                              Gauge<Row>{"running_count", &Row::running_count},
                              Gauge<Row>{"blocked_count", &Row::blocked_count},
                              Gauge<Row>{"load_1m", &Row::load_1m},
                              Gauge<Row>{"load_5m", &Row::load_5m},
                              Gauge<Row>{"load_15m", &Row::load_15m},
                          });
  }

  std::string cpu = "cpu";
  double context_switches_count = not_measured;
  double interrupts_count = not_measured;
  double softirqs_count = not_measured;
  double forks_count = not_measured;
  double cpu_count = not_measured;
  double running_count = not_measured;
  double blocked_count = not_measured;
  double load_1m = not_measured;
  double load_5m = not_measured;
  double load_15m = not_measured;
};

struct CpuSample {
  std::vector<CpuRow> cpus;
  CpuTotalRow total;
};

/// /proc/stat.
CpuSample parse_cpu_stat(std::string_view text, double ns_per_tick);
/// Adds /proc/softirqs, whose columns are the CPUs of its first line.
void parse_softirqs(std::string_view text, std::vector<CpuRow>& cpus);
/// Adds /proc/net/softnet_stat. Since Linux 5.14 a line names its CPU; before, lines are the online
/// CPUs in order.
void parse_softnet(std::string_view text, std::vector<CpuRow>& cpus);
/// Adds /proc/loadavg.
void parse_loadavg(std::string_view text, CpuTotalRow& total);
/// Adds the clock rates of /proc/cpuinfo.
void parse_cpu_clocks(std::string_view text, std::vector<CpuRow>& cpus);

/// Reads all but the clocks, which the kernel must ask each CPU for.
CpuSample read_cpu(Files& files, double ns_per_tick);

}  // namespace gala::proc_source
