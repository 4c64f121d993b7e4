// Reads mountinfo (proc_pid_mountinfo(5)).
#include "stages/proc-source/mount_table.h"

#include <algorithm>
#include <array>

#include "stages/proc-source/disk.h"
#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

constexpr std::array<std::string_view, 20> local_types{
    "ext2", "ext3",   "ext4",     "xfs",      "btrfs", "f2fs",  "bcachefs",
    "zfs",  "jfs",    "reiserfs", "vfat",     "msdos", "exfat", "ntfs3",
    "udf",  "nilfs2", "erofs",    "squashfs", "tmpfs", "ubifs",
};

/// Kinds below whose mount points a path may hang.
constexpr std::array<std::string_view, 12> remote_types{
    "nfs", "nfs4", "cifs",   "smb3", "smbfs", "ceph",
    "9p",  "afs",  "lustre", "gfs2", "ocfs2", "autofs",
};

template <std::size_t count>
bool contains(const std::array<std::string_view, count>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_remote_type(std::string_view type) {
  return contains(remote_types, type) || type.starts_with("fuse");
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

std::optional<Mount> parse_mount(std::string_view line) {
  Words words(line);
  words.skip(2);
  const Halves device = split_once(words.next(), ':');
  words.skip(1);  // the part of the filesystem that is mounted
  Mount mount;
  mount.point = unescaped(words.next());
  mount.status = split_once(words.next(), ',').first;
  for (auto word = words.next(); word != "-"; word = words.next()) {
    if (word.empty()) {
      return std::nullopt;
    }
  }
  mount.type = words.next();
  mount.source = unescaped(words.next());
  const auto major = parse_unsigned(device.first);
  const auto minor = parse_unsigned(device.second);
  if (!major || !minor || mount.type.empty() || !mount.point.starts_with('/')) {
    return std::nullopt;
  }
  mount.device = device_number(*major, *minor);
  return mount;
}

}  // namespace

bool is_local_type(std::string_view type) { return contains(local_types, type); }

MountTable::MountTable(std::string_view mountinfo) {
  Lines lines(mountinfo);
  while (const auto line = lines.next()) {
    if (auto mount = parse_mount(*line)) {
      const auto [place, is_new] = places_.try_emplace(mount->point, mounts_.size());
      if (is_new) {
        mounts_.push_back(std::move(*mount));
      } else {
        mounts_[place->second] = std::move(*mount);
      }
    }
  }
}

template <class Visit>
bool MountTable::any_above(std::string_view path, Visit visit) const {
  while (!path.empty()) {
    if (const auto place = places_.find(path);
        place != places_.end() && visit(mounts_[place->second])) {
      return true;
    }
    const std::size_t slash = path.rfind('/');
    // "/a" lies below "/", and nothing above that.
    path = path.substr(0, slash == 0 && path.size() > 1 ? 1 : std::min(slash, path.size() - 1));
  }
  return false;
}

bool MountTable::may_hang(std::string_view path) const {
  return any_above(path, [](const Mount& mount) { return is_remote_type(mount.type); });
}

std::optional<std::string_view> MountTable::point_of(std::string_view path) const {
  const Mount* nearest = nullptr;
  any_above(path, [&](const Mount& mount) {
    nearest = &mount;
    return true;
  });
  if (nearest == nullptr || nearest->point == "/") {
    return "/";
  }
  // What lies beneath an overlay is local as good as always.
  const bool local = is_local_type(nearest->type) || nearest->type == "overlay";
  return local && !may_hang(path) ? std::optional<std::string_view>(nearest->point) : std::nullopt;
}

}  // namespace gala::proc_source
