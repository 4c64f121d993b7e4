// Mounted local filesystems: space and inodes.
#include "stages/proc-source/filesystem.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <array>

#include "stages/proc-source/disk.h"
#include "stages/proc-source/text.h"

namespace gala::proc {
namespace {

/// Kinds that answer from memory. Whatever is not named here may wait for a network, a user program
/// or an automounter, or has no space of its own.
constexpr std::array<std::string_view, 20> local_types{
    "ext2", "ext3",   "ext4",     "xfs",      "btrfs", "f2fs",  "bcachefs",
    "zfs",  "jfs",    "reiserfs", "vfat",     "msdos", "exfat", "ntfs3",
    "udf",  "nilfs2", "erofs",    "squashfs", "tmpfs", "ubifs",
};

/// Never full by nature: read-only images.
constexpr std::array<std::string_view, 2> image_types{"squashfs", "erofs"};

/// Kinds below whose mount points a path may hang.
constexpr std::array<std::string_view, 12> remote_types{
    "nfs", "nfs4", "cifs",   "smb3", "smbfs", "ceph",
    "9p",  "afs",  "lustre", "gfs2", "ocfs2", "autofs",
};

template <std::size_t count>
bool contains(const std::array<std::string_view, count>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// mountinfo writes blanks and the like as octal "\040".
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_octal = [&](std::size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '7';
    };
    if (text[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && path.size() > directory.size() &&
         (directory == "/" || path[directory.size()] == '/');
}

bool may_hang(std::string_view type) {
  return contains(remote_types, type) || type.starts_with("fuse");
}

std::optional<FilesystemRow> parse_mount(std::string_view line) {
  Words words(line);
  words.skip(2);
  const Halves device = split_once(words.next(), ':');
  words.skip(1);  // the part of the filesystem that is mounted
  FilesystemRow row;
  row.mount_on = unescaped(words.next());
  row.mount_status = split_once(words.next(), ',').first;
  for (auto word = words.next(); word != "-"; word = words.next()) {
    if (word.empty()) {
      return std::nullopt;
    }
  }
  row.fs_type = words.next();
  row.fs_name = unescaped(words.next());
  const auto major = parse_unsigned(device.first);
  const auto minor = parse_unsigned(device.second);
  if (!major || !minor || row.fs_type.empty() || !row.mount_on.starts_with('/')) {
    return std::nullopt;
  }
  row.device = device_number(*major, *minor);
  if (row.fs_name.starts_with("/dev/")) {
    row.disk_name = row.fs_name.substr(row.fs_name.rfind('/') + 1);
  }
  return row;
}

}  // namespace

std::vector<FilesystemRow> parse_mountinfo(std::string_view text) {
  std::vector<FilesystemRow> all;
  std::vector<std::string> hanging;
  Lines lines(text);
  while (const auto line = lines.next()) {
    auto row = parse_mount(*line);
    if (!row) {
      continue;
    }
    if (may_hang(row->fs_type)) {
      hanging.push_back(row->mount_on);
    }
    // A later mount hides an earlier one at the same place.
    std::erase_if(all, [&](const FilesystemRow& one) { return one.mount_on == row->mount_on; });
    all.push_back(std::move(*row));
  }
  std::vector<FilesystemRow> rows;
  for (FilesystemRow& row : all) {
    const bool local =
        contains(local_types, row.fs_type) || (row.fs_type == "overlay" && row.mount_on == "/");
    const bool unreachable = std::any_of(hanging.begin(), hanging.end(), [&](const auto& path) {
      return path == row.mount_on || is_below(row.mount_on, path);
    });
    const bool repeated = std::any_of(rows.begin(), rows.end(), [&](const FilesystemRow& one) {
      return one.device == row.device;
    });
    if (local && !contains(image_types, row.fs_type) && !unreachable && !repeated) {
      rows.push_back(std::move(row));
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

}  // namespace gala::proc
