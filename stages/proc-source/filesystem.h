// Mounted local filesystems: space and inodes. Nothing that could wait for a network or a user
// program is touched.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "stages/proc-source/disk.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

struct FilesystemRow {
  static constexpr std::string_view table = "system.fs";
  using Row = FilesystemRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"mount_on", &Row::mount_on},
        Text<Row>{"fs_name", &Row::fs_name},
        Text<Row>{"fs_type", &Row::fs_type},
        Text<Row>{"mount_status", &Row::mount_status},
        Text<Row>{"blk_name", &Row::blk_name},
        Text<Row>{"disk_name", &Row::disk_name},
        Integer<Row>{"device", &Row::device},
        Gauge<Row>{"total_bytes", &Row::total_bytes},
        Gauge<Row>{"used_bytes", &Row::used_bytes},
        Gauge<Row>{"free_bytes", &Row::free_bytes},
        Gauge<Row>{"available_bytes", &Row::available_bytes},
        Gauge<Row>{"used_percent", &Row::used_percent},
        Gauge<Row>{"inodes", &Row::inodes},
        Gauge<Row>{"inodes_used", &Row::inodes_used},
        Gauge<Row>{"inodes_free", &Row::inodes_free},
        Gauge<Row>{"inodes_used_percent", &Row::inodes_used_percent},
    };
  }

  std::string mount_on;
  std::string fs_name;
  std::string fs_type;
  /// "rw" or "ro".
  std::string mount_status;
  /// Block device it lives on (vda1, dm-0, …) and the whole disk of that; "" when there is none.
  std::string blk_name;
  std::string disk_name;
  /// As DiskRow::device; 0 = none. Of btrfs, whose own number is no device's: that of its source.
  std::uint64_t device = 0;
  double total_bytes = not_measured;
  double used_bytes = not_measured;
  double free_bytes = not_measured;
  /// What an ordinary user may still take; `used_percent` is what df shows.
  double available_bytes = not_measured;
  double used_percent = not_measured;
  double inodes = not_measured;
  double inodes_used = not_measured;
  double inodes_free = not_measured;
  double inodes_used_percent = not_measured;
};

/// Space of a filesystem in the kernel's units.
struct FilesystemUsage {
  double block_bytes = 0;
  double blocks = 0;
  double free_blocks = 0;
  double available_blocks = 0;
  double inodes = 0;
  double free_inodes = 0;
};

/// Filesystems of /proc/PID/mountinfo that may be asked: of a kind that lives on this host, not
/// below a mount point of another kind, once for each device (bind mounts repeat it).
std::vector<FilesystemRow> parse_mountinfo(std::string_view text);

/// Fills in what statvfs said.
void set_usage(const FilesystemUsage& usage, FilesystemRow& row);

/// First mount point of each block device.
std::map<std::uint64_t, std::string> mount_points_of(const std::vector<FilesystemRow>& rows);

/// Fills the names of block devices and disks, by device number.
void set_disks(const std::vector<DiskRow>& disks, std::vector<FilesystemRow>& rows);

/// Asks the kernel; nothing on an error.
std::optional<FilesystemUsage> read_usage(const std::string& path);

/// `usage_of` is asked for each mount point's path below the root.
using UsageOf = std::function<std::optional<FilesystemUsage>(const std::string& path)>;
std::vector<FilesystemRow> read_filesystems(Files& files, const UsageOf& usage_of);

}  // namespace gala::proc_source
