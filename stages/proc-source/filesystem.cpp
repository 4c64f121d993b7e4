// Mounted local filesystems: space and inodes.
#include "stages/proc-source/filesystem.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>

#include "stages/proc-source/mount_table.h"

namespace gala::proc_source {
namespace {

/// Never full by nature: read-only images.
constexpr std::array<std::string_view, 2> image_types{"squashfs", "erofs"};

std::string disk_name(const std::string& source) {
  return source.starts_with("/dev/") ? source.substr(source.rfind('/') + 1) : std::string{};
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
      row.disk_name = disk_name(mount.source);
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
    if (const auto usage = usage_of(files.absolute(row.mount_on))) {
      set_usage(*usage, row);
    }
  }
  std::erase_if(rows, [](const FilesystemRow& row) { return !(row.total_bytes > 0); });
  return rows;
}

}  // namespace gala::proc_source
