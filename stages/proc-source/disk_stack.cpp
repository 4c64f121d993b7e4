// Which disks stand on which.
#include "stages/proc-source/disk_stack.h"

#include <algorithm>
#include <utility>

namespace gala::proc_source {
namespace {

/// Whether a file lies in a directory or below it.
bool lies_below(std::string_view path, std::string_view directory) {
  if (directory == "/") {
    return path.starts_with('/');
  }
  return path.starts_with(directory) && path.substr(directory.size()).starts_with('/');
}

/// Takes `word` and the digits behind it off the front of `text`.
bool take_numbered(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) {
    return false;
  }
  const std::size_t end = std::min(text.find_first_not_of("0123456789", word.size()), text.size());
  const bool numbered = end > word.size();
  text.remove_prefix(end);
  return numbered;
}

/// Whole disks by what names them.
class Disks {
 public:
  explicit Disks(const std::vector<DiskRow>& rows) {
    for (const DiskRow& row : rows) {
      by_name_.emplace(sysfs_name(row.blk_name), row.disk_name);
      if (!row.mapped_name.empty()) {
        by_name_.emplace("mapper!" + row.mapped_name, row.disk_name);
      }
      if (row.device != 0) {
        by_device_.emplace(row.device, row.disk_name);
      }
    }
  }

  /// By the name of the disk or a partition of it, as /sys spells it; "" when there is none.
  [[nodiscard]] std::string of_name(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? std::string{} : found->second;
  }

  /// The disk of a file, or of a device below /dev.
  [[nodiscard]] std::string of_path(
      std::string_view path, const std::map<std::uint64_t, std::string>& mount_points) const {
    constexpr std::string_view devices = "/dev/";
    if (path.starts_with(devices)) {
      return of_name(sysfs_name(path.substr(devices.size())));
    }
    std::size_t longest = 0;
    std::string disk;
    for (const auto& [device, mount_on] : mount_points) {
      const auto found = by_device_.find(device);
      if (found != by_device_.end() && mount_on.size() >= longest && lies_below(path, mount_on)) {
        longest = mount_on.size();
        disk = found->second;
      }
    }
    return disk;
  }

 private:
  std::map<std::string, std::string> by_name_;
  std::map<std::uint64_t, std::string> by_device_;
};

void stand_on(DiskRow& row, std::string disk) {
  const auto& known = row.stands_on;
  if (disk.empty() || disk == row.disk_name ||
      std::find(known.begin(), known.end(), disk) != known.end()) {
    return;
  }
  row.beneath.append(row.beneath.empty() ? "" : ",").append(disk);
  row.stands_on.push_back(std::move(disk));
}

}  // namespace

std::string multipath_head(std::string_view disk_name) {
  std::string_view rest = disk_name;
  if (!take_numbered(rest, "nvme")) {
    return {};
  }
  const std::string_view subsystem = disk_name.substr(0, disk_name.size() - rest.size());
  if (!take_numbered(rest, "c")) {
    return {};
  }
  const std::string_view instance = rest;
  if (!take_numbered(rest, "n") || !rest.empty()) {
    return {};
  }
  return std::string(subsystem).append(instance);
}

void find_beneath(std::vector<DiskRow>& rows,
                  const std::map<std::uint64_t, std::string>& mount_points) {
  const Disks disks(rows);
  std::multimap<std::string, std::string> paths;
  for (const DiskRow& row : rows) {
    if (std::string head = multipath_head(row.blk_name); !head.empty()) {
      paths.emplace(std::move(head), row.disk_name);
    }
  }
  for (DiskRow& row : rows) {
    for (const std::string& slave : row.slaves) {
      stand_on(row, disks.of_name(slave));
    }
    const auto [first, last] = paths.equal_range(row.blk_name);
    for (auto path = first; path != last; ++path) {
      stand_on(row, path->second);
    }
    if (!row.backing_file.empty()) {
      stand_on(row, disks.of_path(row.backing_file, mount_points));
    }
  }
}

std::vector<DiskLegRow> disk_legs(const std::vector<DiskRow>& rows, std::size_t most,
                                  std::uint64_t& lost) {
  std::map<std::string_view, const DiskRow*> disks;
  for (const DiskRow& row : rows) {
    if (row.partition == 0) {
      disks.emplace(row.disk_name, &row);
    }
  }
  std::vector<DiskLegRow> legs;
  for (const auto& [name, disk] : disks) {
    std::vector<std::pair<const DiskRow*, double>> seen{{disk, 0}};
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const auto [above, depth] = seen[i];
      for (const std::string& beneath : above->stands_on) {
        const auto leg = disks.find(beneath);
        if (leg == disks.end() ||
            std::ranges::any_of(seen, [&](const auto& one) { return one.first == leg->second; })) {
          continue;
        }
        seen.emplace_back(leg->second, depth + 1);
        if (legs.size() < most) {
          legs.push_back({std::string(name), beneath, depth + 1});
        } else {
          ++lost;
        }
      }
    }
  }
  return legs;
}

}  // namespace gala::proc_source
