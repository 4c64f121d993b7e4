// Mounted local filesystems: space and inodes.
#include "stages/proc-source/filesystem.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>

#include "stages/proc-source/mount_table.h"
#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

/// Never full by nature: read-only images.
constexpr std::array<std::string_view, 2> image_types{"squashfs", "erofs"};

/// "vda1" of "/dev/vda1", "vg-root" of "/dev/mapper/vg-root"; "" of what is no device.
std::string device_name(std::string_view source) {
  for (const std::string_view directory : {"/dev/mapper/", "/dev/"}) {
    if (source.starts_with(directory)) {
      return std::string(source.substr(directory.size()));
    }
  }
  return {};
}

/// Directory below /sys of the device that a file system was mounted from; "" when there is none.
std::string device_directory(Files& files, const FilesystemRow& row) {
  const std::string directory = "sys/class/block/";
  if (!row.fs_name.starts_with("/dev/mapper/")) {
    return directory + sysfs_name(row.blk_name);
  }
  for (const std::string& name : files.list(directory)) {
    if (name.starts_with("dm-") && files.line(directory + name + "/dm/name") == row.blk_name) {
      return directory + name;
    }
  }
  return {};
}

/// btrfs and the like have a number of their own that is no device's: takes their source's.
void set_device(Files& files, FilesystemRow& row) {
  constexpr std::uint64_t first_device = device_number(1, 0);
  if (row.device >= first_device || row.blk_name.empty()) {
    return;
  }
  const std::string number = files.line(device_directory(files, row) + "/dev");
  const Halves halves = split_once(number, ':');
  const auto major = parse_unsigned(halves.first);
  const auto minor = parse_unsigned(halves.second);
  if (major && minor) {
    row.device = device_number(*major, *minor);
  }
}

}  // namespace

std::vector<FilesystemRow> parse_mountinfo(std::string_view text) {
  const MountTable table(text);
  std::vector<FilesystemRow> rows;
  for (const Mount& mount : table.mounts()) {
    const bool local = is_local_type(mount.type) || (mount.type == "overlay" && mount.point == "/");
    const bool image =
        std::find(image_types.begin(), image_types.end(), mount.type) != image_types.end();
    const bool repeated = std::any_of(rows.begin(), rows.end(), [&](const FilesystemRow& one) {
      return one.device == mount.device;
    });
    if (local && !image && !repeated && !table.may_hang(mount.point)) {
      FilesystemRow& row = rows.emplace_back();
      row.mount_on = mount.point;
      row.fs_name = mount.source;
      row.fs_type = mount.type;
      row.mount_status = mount.status;
      row.blk_name = device_name(mount.source);
      row.disk_name = row.blk_name;
      row.device = mount.device;
    }
  }
  return rows;
}

void set_usage(const FilesystemUsage& usage, FilesystemRow& row) {
  row.total_bytes = usage.blocks * usage.block_bytes;
  row.free_bytes = usage.free_blocks * usage.block_bytes;
  row.available_bytes = usage.available_blocks * usage.block_bytes;
  row.used_bytes = row.total_bytes - row.free_bytes;
  const double usable = row.used_bytes + row.available_bytes;
  row.used_percent = usable > 0 ? 100 * row.used_bytes / usable : not_measured;
  if (usage.inodes > 0) {  // btrfs and vfat have none to count
    row.inodes = usage.inodes;
    row.inodes_free = usage.free_inodes;
    row.inodes_used = usage.inodes - usage.free_inodes;
    row.inodes_used_percent = 100 * row.inodes_used / row.inodes;
  }
}

std::map<std::uint64_t, std::string> mount_points_of(const std::vector<FilesystemRow>& rows) {
  std::map<std::uint64_t, std::string> points;
  for (const FilesystemRow& row : rows) {
    points.emplace(row.device, row.mount_on);
  }
  return points;
}

void set_disks(const std::vector<DiskRow>& disks, std::vector<FilesystemRow>& rows) {
  for (FilesystemRow& row : rows) {
    const auto disk = std::ranges::find(disks, row.device, &DiskRow::device);
    if (row.device != 0 && disk != disks.end()) {
      row.blk_name = disk->blk_name;
      row.disk_name = disk->disk_name;
    }
  }
}

std::optional<FilesystemUsage> read_usage(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return FilesystemUsage{.block_bytes = static_cast<double>(status.f_frsize),
                         .blocks = static_cast<double>(status.f_blocks),
                         .free_blocks = static_cast<double>(status.f_bfree),
                         .available_blocks = static_cast<double>(status.f_bavail),
                         .inodes = static_cast<double>(status.f_files),
                         .free_inodes = static_cast<double>(status.f_ffree)};
}

std::vector<FilesystemRow> read_filesystems(Files& files, const UsageOf& usage_of) {
  // Below another root, process 1 sees the host's mounts; ours are those of a container.
  const auto text = files.read(files.live() ? "proc/self/mountinfo" : "proc/1/mountinfo");
  std::vector<FilesystemRow> rows = parse_mountinfo(text.value_or(std::string_view{}));
  for (FilesystemRow& row : rows) {
    set_device(files, row);
    if (const auto usage = usage_of(files.absolute(row.mount_on))) {
      set_usage(*usage, row);
    }
  }
  std::erase_if(rows, [](const FilesystemRow& row) { return !(row.total_bytes > 0); });
  return rows;
}

}  // namespace gala::proc_source
