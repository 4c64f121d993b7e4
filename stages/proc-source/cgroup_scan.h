// Reads the cgroups in which processes live, with all their ancestors below the root.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/core/time.h"
#include "stages/proc-source/cgroup_text.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/process_row.h"

namespace gala::proc_source {

/// All cgroups, scan after scan; limits are read at longer intervals than usage.
class CgroupScan {
 public:
  CgroupScan(std::size_t max_cgroups, Duration limits_period, double ns_per_tick)
      : max_cgroups_(max_cgroups), limits_period_(limits_period), ns_per_tick_(ns_per_tick) {}

  /// Rows of the cgroups of `processes`; valid until the next scan. Returns how many were left out
  /// because of the limit.
  std::uint64_t scan(Files& files, BootTime now, const std::vector<const ProcessRow*>& processes);
  [[nodiscard]] const std::vector<CgroupRow>& rows() const { return rows_; }

 private:
  struct Limits {
    CgroupRow row;
    BootTime read_at;
    bool in_unified = false;
    std::uint64_t seen_scan = 0;
  };

  std::map<std::string, std::uint64_t> find_paths(const std::vector<const ProcessRow*>& processes,
                                                  std::uint64_t& lost) const;
  CgroupRow read(Files& files, BootTime now, const std::string& path);
  void read_v1_usage(Files& files, const std::string& path, CgroupRow& row) const;
  void read_v1_limits(Files& files, const std::string& path, CgroupRow& row) const;

  std::size_t max_cgroups_;
  Duration limits_period_;
  double ns_per_tick_;
  CgroupMounts mounts_;
  std::map<std::string, Limits> limits_;
  std::vector<CgroupRow> rows_;
  std::uint64_t scans_ = 0;
};

}  // namespace gala::proc_source
