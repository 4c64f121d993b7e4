// What the files of a cgroup say, v1 and v2; text in, values out. Unknown lines are passed over.
#pragma once

#include <string>
#include <string_view>

#include "stages/proc-source/cgroup_row.h"

namespace gala::proc_source {

/// Directories of the hierarchies, relative to the root; "" where there is none.
struct CgroupMounts {
  std::string unified;
  std::string cpu;
  std::string cpu_accounting;
  std::string memory;
  std::string block_io;
  std::string pids;

  [[nodiscard]] bool has_v1() const {
    return !cpu.empty() || !cpu_accounting.empty() || !memory.empty() || !block_io.empty() ||
           !pids.empty();
  }
  [[nodiscard]] std::string_view version() const {
    return !has_v1() ? "v2" : unified.empty() ? "v1" : "hybrid";
  }
};
/// From /proc/mounts. Where a hierarchy is mounted twice the first counts.
CgroupMounts parse_cgroup_mounts(std::string_view text);

// One function per file, named after it; each fills its part of `row`.
namespace v2 {
void parse_cpu_stat(std::string_view text, CgroupRow& row);
/// Quota over period in cores; stays not measured for "max".
void parse_cpu_max(std::string_view text, CgroupRow& row);
void parse_memory_stat(std::string_view text, CgroupRow& row);
void parse_memory_events(std::string_view text, CgroupRow& row);
void parse_io_stat(std::string_view text, CgroupRow& row);
void parse_pids_events(std::string_view text, CgroupRow& row);
}  // namespace v2

namespace v1 {
void parse_cpu_stat(std::string_view text, CgroupRow& row);
/// cpu.cfs_quota_us and cpu.cfs_period_us; a quota of −1 is none.
void set_cpu_quota(double quota_us, double period_us, CgroupRow& row);
void parse_cpuacct_stat(std::string_view text, double ns_per_tick, CgroupRow& row);
void parse_memory_stat(std::string_view text, CgroupRow& row);
void parse_memory_oom_control(std::string_view text, CgroupRow& row);
void parse_blkio_bytes(std::string_view text, CgroupRow& row);
void parse_blkio_counts(std::string_view text, CgroupRow& row);
/// v1 writes "no limit" as the largest multiple of the page size.
double limit_of(double bytes);
}  // namespace v1

/// Fills the ratios of what is used to what is allowed.
void derive(CgroupRow& row);

}  // namespace gala::proc_source
