// Rows of system.proc: taking over what the parsers found.
#include "stages/proc-source/process_row.h"

#include <cmath>
#include <utility>

namespace gala::proc_source {

void ProcessRow::set(const ProcessStat& stat) {
  comm = stat.comm;
  state.assign(1, stat.state);
  kernel_thread = stat.kernel_thread ? 1 : 0;
  ppid = stat.ppid;
  pgid = stat.pgid;
  cpu_id = stat.cpu_id;
  start_time_ns = stat.start_time_ns;
  utime_ns = stat.utime_ns;
  stime_ns = stat.stime_ns;
  cutime_ns = stat.cutime_ns;
  cstime_ns = stat.cstime_ns;
  minor_faults_count = stat.minor_faults_count;
  major_faults_count = stat.major_faults_count;
  threads = stat.threads;
  priority = stat.priority;
  nice = stat.nice;
  vm_bytes = stat.vm_bytes;
  rss_bytes = stat.rss_bytes;
  blkio_delay_ns = stat.blkio_delay_ns;
  stopped = stat.state == 'T' || stat.state == 't' ? 1 : 0;
  zombie = stat.state == 'Z' ? 1 : 0;
  zombie_children = 0;
}

void ProcessRow::set(ProcessCgroups cgroups) {
  cgroup = std::move(cgroups.identity);
  cpu_cgroup = std::move(cgroups.cpu);
  memory_cgroup = std::move(cgroups.memory);
  io_cgroup = std::move(cgroups.io);
  pids_cgroup = std::move(cgroups.pids);
}

void ProcessRow::derive(const HostMemory& memory) {
  memory_percent = memory.total_bytes > 0 ? 100 * rss_bytes / memory.total_bytes : not_measured;
  memory_left_bytes = memory.available_bytes;
  const auto group = memory.group_left_bytes.find(memory_cgroup);
  if (group != memory.group_left_bytes.end()) {
    memory_left_bytes = std::fmin(memory_left_bytes, group->second);
  }
  fd_used_percent = fd_limit > 0 ? 100 * fd_count / fd_limit : not_measured;
  fd_free_percent = 100 - fd_used_percent;
}

void ProcessStatesRow::add(const ProcessRow& row) {
  ++processes;
  switch (row.state.empty() ? '?' : row.state.front()) {
    case 'R':
      ++running;
      break;
    case 'D':
      ++blocked;
      break;
    case 'T':
    case 't':
      ++stopped;
      break;
    case 'Z':
      ++zombies;
      break;
    default:
      ++sleeping;
      break;
  }
}

}  // namespace gala::proc_source
