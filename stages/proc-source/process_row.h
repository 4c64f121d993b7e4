// Rows of system.proc and system.proc_memory: what is said of each process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "stages/proc-source/process_text.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// What the host and its control groups have; each may be not measured.
struct HostMemory {
  /// What ordinary programs can have.
  double total_bytes = not_measured;
  double available_bytes = not_measured;
  /// By path of a control group: what it and the groups above it may still take. Groups without a
  /// limit are absent.
  std::unordered_map<std::string, double> group_left_bytes;
};

/// One process in one window. `cpu_ns`, `run_delay_ns` and `timeslices_count` cover all threads
/// where the kernel answers taskstats, else the main thread only; switches are always those of the
/// main thread.
struct ProcessRow : ProcessStatus, ProcessIo, ProcessSchedule {
  static constexpr std::string_view table = "system.proc";
  static constexpr std::array teaches{
      Teaches{Fact::process_begin, "start_time_ns"}, Teaches{Fact::process_comm, "comm"},
      Teaches{Fact::process_cmdline, "cmdline"},     Teaches{Fact::process_ppid, "ppid"},
      Teaches{Fact::process_pgid, "pgid"},           Teaches{Fact::process_cgroup, "cgroup"}};
  using Row = ProcessRow;
  static constexpr auto cells() {
    return std::tuple{
        Integer<Row>{"tgid", &Row::tgid},
        Integer<Row>{"start_time_ns", &Row::start_time_ns},
        Integer<Row>{"ppid", &Row::ppid},
        Integer<Row>{"pgid", &Row::pgid},
        Integer<Row>{"uid", &Row::uid},
        Text<Row>{"comm", &Row::comm},
        Text<Row>{"cmdline", &Row::cmdline},
        Text<Row>{"cgroup", &Row::cgroup},
        Text<Row>{"cpu_cgroup", &Row::cpu_cgroup},
        Text<Row>{"memory_cgroup", &Row::memory_cgroup},
        Text<Row>{"io_cgroup", &Row::io_cgroup},
        Text<Row>{"pids_cgroup", &Row::pids_cgroup},
        Text<Row>{"state", &Row::state},
        Text<Row>{"uuid", &Row::uuid},
        Text<Row>{"vm_name", &Row::vm_name},
        Text<Row>{"vhost_of", &Row::vhost_of},
        Integer<Row>{"kernel_thread", &Row::kernel_thread},
        Integer<Row>{"cpu_id", &Row::cpu_id},
        Integer<Row>{"net_ns", &Row::net_ns},
        Integer<Row>{"pid_ns", &Row::pid_ns},
        Integer<Row>{"mnt_ns", &Row::mnt_ns},
        Counter<Row>{"utime_ns", &Row::utime_ns},
        Counter<Row>{"stime_ns", &Row::stime_ns},
        Counter<Row>{"cutime_ns", &Row::cutime_ns},
        Counter<Row>{"cstime_ns", &Row::cstime_ns},
        Counter<Row>{"cpu_ns", &Row::cpu_ns},
        Counter<Row>{"run_delay_ns", &Row::run_delay_ns},
        Counter<Row>{"timeslices_count", &Row::timeslices_count},
        Counter<Row>{"blkio_delay_ns", &Row::blkio_delay_ns},
        Counter<Row>{"minor_faults_count", &Row::minor_faults_count},
        Counter<Row>{"major_faults_count", &Row::major_faults_count},
        Counter<Row>{"voluntary_switches_count", &Row::voluntary_switches_count},
        Counter<Row>{"nonvoluntary_switches_count", &Row::nonvoluntary_switches_count},
        Counter<Row>{"rchar_bytes", &Row::rchar_bytes},
        Counter<Row>{"wchar_bytes", &Row::wchar_bytes},
        Counter<Row>{"syscr_count", &Row::syscr_count},
        Counter<Row>{"syscw_count", &Row::syscw_count},
        Counter<Row>{"read_bytes", &Row::read_bytes},
        Counter<Row>{"write_bytes", &Row::write_bytes},
        Counter<Row>{"cancelled_write_bytes", &Row::cancelled_write_bytes},
        Gauge<Row>{"threads", &Row::threads},
        Gauge<Row>{"priority", &Row::priority},
        Gauge<Row>{"nice", &Row::nice},
        Gauge<Row>{"vm_bytes", &Row::vm_bytes},
        Gauge<Row>{"rss_bytes", &Row::rss_bytes},
        Gauge<Row>{"rss_anon_bytes", &Row::rss_anon_bytes},
        Gauge<Row>{"swap_bytes", &Row::swap_bytes},
        Gauge<Row>{"memory_percent", &Row::memory_percent},
        Gauge<Row>{"memory_left_bytes", &Row::memory_left_bytes},
        Gauge<Row>{"fd_count", &Row::fd_count},
        Gauge<Row>{"fd_limit", &Row::fd_limit},
        Gauge<Row>{"fd_used_percent", &Row::fd_used_percent},
        Gauge<Row>{"fd_free_percent", &Row::fd_free_percent},
        Gauge<Row>{"oom_score_adj", &Row::oom_score_adj},
        Gauge<Row>{"stopped", &Row::stopped},
        Gauge<Row>{"zombie", &Row::zombie},
        Gauge<Row>{"zombie_children", &Row::zombie_children},
    };
  }

  std::uint64_t tgid = 0;
  std::uint64_t start_time_ns = 0;
  std::uint64_t ppid = 0;
  std::uint64_t pgid = 0;
  std::uint64_t kernel_thread = 0;
  std::uint64_t cpu_id = 0;
  std::uint64_t net_ns = 0;
  std::uint64_t pid_ns = 0;
  std::uint64_t mnt_ns = 0;
  std::string comm;
  std::string cmdline;
  std::string cgroup;
  std::string cpu_cgroup;
  std::string memory_cgroup;
  std::string io_cgroup;
  std::string pids_cgroup;
  /// Of an emulator: the virtual machine that it runs.
  std::string uuid;
  std::string vm_name;
  /// Of a vhost thread of the kernel: the emulator's process id.
  std::string vhost_of;
  std::string state;

  double utime_ns = not_measured;
  double stime_ns = not_measured;
  double cutime_ns = not_measured;
  double cstime_ns = not_measured;
  double blkio_delay_ns = not_measured;
  double minor_faults_count = not_measured;
  double major_faults_count = not_measured;

  double threads = not_measured;
  double priority = not_measured;
  double nice = not_measured;
  double vm_bytes = not_measured;
  double rss_bytes = not_measured;
  double memory_percent = not_measured;
  double memory_left_bytes = not_measured;
  double fd_count = not_measured;
  double fd_limit = not_measured;
  double fd_used_percent = not_measured;
  double fd_free_percent = not_measured;
  double oom_score_adj = not_measured;
  /// 1 while it is stopped (by a signal or a debugger); 1 when it has ended and its parent has not
  /// asked how; how many such children it has.
  double stopped = not_measured;
  double zombie = not_measured;
  double zombie_children = not_measured;

  void set(const ProcessStat& stat);
  void set(ProcessCgroups cgroups);
  /// Fills what follows from other values.
  void derive(const HostMemory& memory);
};

/// How many processes of the host are in which state.
struct ProcessStatesRow {
  static constexpr std::string_view table = "system.processes";
  using Row = ProcessStatesRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"os_version", &Row::os_version}, Gauge<Row>{"processes", &Row::processes},
        Gauge<Row>{"running", &Row::running},      Gauge<Row>{"sleeping", &Row::sleeping},
        Gauge<Row>{"blocked", &Row::blocked},      Gauge<Row>{"stopped", &Row::stopped},
        Gauge<Row>{"zombies", &Row::zombies},
    };
  }

  std::string os_version;
  double processes = 0;
  double running = 0;
  /// Idle kernel threads included.
  double sleeping = 0;
  /// Not interruptible.
  double blocked = 0;
  double stopped = 0;
  double zombies = 0;

  void add(const ProcessRow& row);
};

/// Classes of a process's memory; expensive, so rarely measured.
struct ProcessMemoryRow : ProcessMaps {
  static constexpr std::string_view table = "system.proc_memory";
  static constexpr std::array teaches{Teaches{Fact::process_begin, "start_time_ns"},
                                      Teaches{Fact::process_comm, "comm"},
                                      Teaches{Fact::process_cgroup, "cgroup"}};
  using Row = ProcessMemoryRow;
  static constexpr auto cells() {
    return std::tuple{
        Integer<Row>{"tgid", &Row::tgid},
        Integer<Row>{"start_time_ns", &Row::start_time_ns},
        Text<Row>{"comm", &Row::comm},
        Text<Row>{"cgroup", &Row::cgroup},
        Gauge<Row>{"rss_bytes", &Row::rss_bytes},
        Gauge<Row>{"pss_bytes", &Row::pss_bytes},
        Gauge<Row>{"shared_clean_bytes", &Row::shared_clean_bytes},
        Gauge<Row>{"shared_dirty_bytes", &Row::shared_dirty_bytes},
        Gauge<Row>{"private_clean_bytes", &Row::private_clean_bytes},
        Gauge<Row>{"private_dirty_bytes", &Row::private_dirty_bytes},
        Gauge<Row>{"referenced_bytes", &Row::referenced_bytes},
        Gauge<Row>{"anonymous_bytes", &Row::anonymous_bytes},
        Gauge<Row>{"lazyfree_bytes", &Row::lazyfree_bytes},
        Gauge<Row>{"swap_bytes", &Row::swap_bytes},
        Gauge<Row>{"swap_pss_bytes", &Row::swap_pss_bytes},
    };
  }

  std::uint64_t tgid = 0;
  std::uint64_t start_time_ns = 0;
  std::string comm;
  std::string cgroup;
};

}  // namespace gala::proc_source
