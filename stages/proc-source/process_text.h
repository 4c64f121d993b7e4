// What /proc/PID/* says, text in, values out. Everything that is missing stays not measured.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/core/batch.h"

namespace gala::proc_source {

/// How the kernel counts: clock ticks and pages.
struct KernelUnits {
  double ns_per_tick = 1e7;
  double page_bytes = 4096;
};

/// /proc/PID/stat. Times cover all threads of the process, ended ones included; blkio delay only
/// the main thread.
struct ProcessStat {
  std::string_view comm;
  char state = '?';
  bool kernel_thread = false;
  std::uint64_t ppid = 0;
  std::uint64_t pgid = 0;
  std::uint64_t cpu_id = 0;
  std::uint64_t start_time_ns = 0;
  double utime_ns = not_measured;
  double stime_ns = not_measured;
  double cutime_ns = not_measured;
  double cstime_ns = not_measured;
  double minor_faults_count = not_measured;
  double major_faults_count = not_measured;
  /// Page faults of children that ended and were reaped.
  double child_faults_count = not_measured;
  double threads = not_measured;
  double priority = not_measured;
  double nice = not_measured;
  double vm_bytes = not_measured;
  double rss_bytes = not_measured;
  double blkio_delay_ns = not_measured;
};
/// Nothing when the line is cut before the start time: a process without it has no identity. `comm`
/// points into `text`; it may hold blanks and parentheses.
std::optional<ProcessStat> parse_process_stat(std::string_view text, const KernelUnits& units);

/// /proc/PID/status. Switches are those of the main thread.
struct ProcessStatus {
  std::uint64_t uid = 0;
  double rss_anon_bytes = not_measured;
  double swap_bytes = not_measured;
  double voluntary_switches_count = not_measured;
  double nonvoluntary_switches_count = not_measured;
};
ProcessStatus parse_process_status(std::string_view text);

/// /proc/PID/io, all threads.
struct ProcessIo {
  double rchar_bytes = not_measured;
  double wchar_bytes = not_measured;
  double syscr_count = not_measured;
  double syscw_count = not_measured;
  double read_bytes = not_measured;
  double write_bytes = not_measured;
  double cancelled_write_bytes = not_measured;
};
ProcessIo parse_process_io(std::string_view text);

/// Takes out of a process's I/O what its children did: when a parent reaps a child, the kernel adds
/// the child's whole life to the parent's counters.
class OwnIo {
 public:
  /// The counters without the windows in which a child was reaped, told by `child_faults`: a
  /// process that never faulted has not run.
  ProcessIo without_children(const ProcessIo& counted, double child_faults);

 private:
  ProcessIo last_;
  ProcessIo taken_out_;
  double child_faults_ = not_measured;
};

/// /proc/PID/schedstat: the main thread only.
struct ProcessSchedule {
  double cpu_ns = not_measured;
  double run_delay_ns = not_measured;
  double timeslices_count = not_measured;
};
ProcessSchedule parse_process_schedule(std::string_view text);

/// Soft limit of open files from /proc/PID/limits; not measured when unlimited.
double parse_open_files_limit(std::string_view text);

/// Where /proc/PID/cgroup says the process is.
struct ProcessCgroups {
  /// The path that names the process's group: see `parse_process_cgroups`.
  std::string identity;
  std::string cpu;
  std::string memory;
  std::string io;
  std::string pids;
};
/// v2: the 0:: path for all. v1 and hybrid: of each controller its own; identity is the first path
/// that is not "/" of name=systemd, memory, cpu, pids, blkio, 0:: (engines put containers into the
/// v1 hierarchies, the unified one may show only the engine's own service).
ProcessCgroups parse_process_cgroups(std::string_view text);

/// Arguments joined by blanks, at most `max_bytes`, control characters as '?', never half of a
/// UTF-8 character.
std::string format_command_line(std::string_view arguments, std::size_t max_bytes);

/// /proc/PID/smaps_rollup.
struct ProcessMaps {
  double rss_bytes = not_measured;
  double pss_bytes = not_measured;
  double shared_clean_bytes = not_measured;
  double shared_dirty_bytes = not_measured;
  double private_clean_bytes = not_measured;
  double private_dirty_bytes = not_measured;
  double referenced_bytes = not_measured;
  double anonymous_bytes = not_measured;
  double lazyfree_bytes = not_measured;
  double swap_bytes = not_measured;
  double swap_pss_bytes = not_measured;
};
ProcessMaps parse_process_maps(std::string_view text);

}  // namespace gala::proc_source
