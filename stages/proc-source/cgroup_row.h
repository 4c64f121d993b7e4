// Rows of system.cgroup: what a cgroup uses, may use, and how often it hit its limits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// One cgroup in one window; values cover its descendants, too, as the kernel counts.
struct CgroupRow {
  static constexpr std::string_view table = "system.cgroup";
  static constexpr std::array teaches{Teaches{Fact::cgroup_path, "cgroup"}};
  using Row = CgroupRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"cgroup", &Row::cgroup},
        Integer<Row>{"cgroup_id", &Row::cgroup_id},
        Text<Row>{"parent", &Row::parent},
        Text<Row>{"version", &Row::version},
        Integer<Row>{"processes", &Row::processes},
        Integer<Row>{"leaf", &Row::leaf},
        Counter<Row>{"cpu_ns", &Row::cpu_ns},
        Counter<Row>{"cpu_user_ns", &Row::cpu_user_ns},
        Counter<Row>{"cpu_system_ns", &Row::cpu_system_ns},
        Counter<Row>{"periods_count", &Row::periods_count},
        Counter<Row>{"throttled_count", &Row::throttled_count},
        Counter<Row>{"throttled_ns", &Row::throttled_ns},
        Counter<Row>{"memory_failures_count", &Row::memory_failures_count},
        Counter<Row>{"memory_high_count", &Row::memory_high_count},
        Counter<Row>{"memory_oom_count", &Row::memory_oom_count},
        Counter<Row>{"memory_oom_kills_count", &Row::memory_oom_kills_count},
        Counter<Row>{"page_faults_count", &Row::page_faults_count},
        Counter<Row>{"major_faults_count", &Row::major_faults_count},
        Counter<Row>{"read_bytes", &Row::read_bytes},
        Counter<Row>{"write_bytes", &Row::write_bytes},
        Counter<Row>{"reads_count", &Row::reads_count},
        Counter<Row>{"writes_count", &Row::writes_count},
        Counter<Row>{"pids_failures_count", &Row::pids_failures_count},
        Counter<Row>{"cpu_some_ns", &Row::cpu_some_ns},
        Counter<Row>{"cpu_full_ns", &Row::cpu_full_ns},
        Counter<Row>{"memory_some_ns", &Row::memory_some_ns},
        Counter<Row>{"memory_full_ns", &Row::memory_full_ns},
        Counter<Row>{"io_some_ns", &Row::io_some_ns},
        Counter<Row>{"io_full_ns", &Row::io_full_ns},
        Gauge<Row>{"cpu_quota_cores", &Row::cpu_quota_cores},
        Gauge<Row>{"cpu_weight", &Row::cpu_weight},
        Gauge<Row>{"memory_bytes", &Row::memory_bytes},
        Gauge<Row>{"memory_limit_bytes", &Row::memory_limit_bytes},
        Gauge<Row>{"memory_high_bytes", &Row::memory_high_bytes},
        Gauge<Row>{"memory_peak_bytes", &Row::memory_peak_bytes},
        Gauge<Row>{"memory_used_percent", &Row::memory_used_percent},
        Gauge<Row>{"working_set_bytes", &Row::working_set_bytes},
        Gauge<Row>{"rss_bytes", &Row::rss_bytes},
        Gauge<Row>{"cache_bytes", &Row::cache_bytes},
        Gauge<Row>{"inactive_file_bytes", &Row::inactive_file_bytes},
        Gauge<Row>{"mapped_bytes", &Row::mapped_bytes},
        Gauge<Row>{"swap_bytes", &Row::swap_bytes},
        Gauge<Row>{"swap_limit_bytes", &Row::swap_limit_bytes},
        Gauge<Row>{"pids", &Row::pids},
        Gauge<Row>{"pids_limit", &Row::pids_limit},
        Gauge<Row>{"pids_used_percent", &Row::pids_used_percent},
    };
  }

  /// Path in its hierarchy, as /proc/PID/cgroup writes it.
  std::string cgroup;
  /// Inode in a pure v2 hierarchy, which is what BPF programs call its id; else 0.
  std::uint64_t cgroup_id = 0;
  std::string parent;
  /// "v1", "v2" or "hybrid".
  std::string version;
  /// Reported processes that live in it directly.
  std::uint64_t processes = 0;
  std::uint64_t leaf = 0;

  double cpu_ns = not_measured;
  double cpu_user_ns = not_measured;
  double cpu_system_ns = not_measured;
  double periods_count = not_measured;
  double throttled_count = not_measured;
  double throttled_ns = not_measured;
  double memory_failures_count = not_measured;
  double memory_high_count = not_measured;
  double memory_oom_count = not_measured;
  double memory_oom_kills_count = not_measured;
  double page_faults_count = not_measured;
  double major_faults_count = not_measured;
  double read_bytes = not_measured;
  double write_bytes = not_measured;
  double reads_count = not_measured;
  double writes_count = not_measured;
  double pids_failures_count = not_measured;
  double cpu_some_ns = not_measured;
  double cpu_full_ns = not_measured;
  double memory_some_ns = not_measured;
  double memory_full_ns = not_measured;
  double io_some_ns = not_measured;
  double io_full_ns = not_measured;

  double cpu_quota_cores = not_measured;
  double cpu_weight = not_measured;
  double memory_bytes = not_measured;
  double memory_limit_bytes = not_measured;
  double memory_high_bytes = not_measured;
  double memory_peak_bytes = not_measured;
  double memory_used_percent = not_measured;
  double working_set_bytes = not_measured;
  double rss_bytes = not_measured;
  double cache_bytes = not_measured;
  double inactive_file_bytes = not_measured;
  double mapped_bytes = not_measured;
  double swap_bytes = not_measured;
  double swap_limit_bytes = not_measured;
  double pids = not_measured;
  double pids_limit = not_measured;
  double pids_used_percent = not_measured;
};

/// By path: bytes that the group and all above it may still take, page cache that can be dropped
/// included. Groups without any limit are absent.
std::unordered_map<std::string, double> memory_left(const std::vector<CgroupRow>& rows);

}  // namespace gala::proc_source
