// Which disks stand on which: legs of a RAID, parts of a mapped device, paths of NVMe multipath,
// what is behind a loop device.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "stages/proc-source/disk.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// A whole disk and one that its requests go through or end on, directly or further down.
struct DiskLegRow {
  static constexpr std::string_view table = "system.disk_leg";
  using Row = DiskLegRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"disk_name", &Row::disk_name},
        Text<Row>{"beneath", &Row::beneath},
        Gauge<Row>{"depth", &Row::depth},
    };
  }

  std::string disk_name;
  std::string beneath;
  /// 1 = directly.
  double depth = 1;
};

/// "nvme0n1" of "nvme0c1n1", which is one path to it; "" for every other name.
std::string multipath_head(std::string_view disk_name);

/// Fills `stands_on` and `beneath` from slaves, multipath names and backing files. `mount_points`
/// names the first mount point of a device number.
void find_beneath(std::vector<DiskRow>& rows,
                  const std::map<std::uint64_t, std::string>& mount_points);

/// Every whole disk with all that is beneath it, the nearest first; at most `most` rows, the others
/// are added to `lost`. Requires: find_beneath.
std::vector<DiskLegRow> disk_legs(const std::vector<DiskRow>& rows, std::size_t most,
                                  std::uint64_t& lost);

}  // namespace gala::proc_source
