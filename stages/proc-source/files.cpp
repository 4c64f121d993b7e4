// The reading layer: files below a root directory, read whole into a buffer that is used again.
#include "stages/proc-source/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>

#include "runtime/core/batch.h"
#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

constexpr std::size_t first_buffer_bytes = std::size_t{64} << 10;
constexpr std::size_t entries_buffer_bytes = std::size_t{32} << 10;

/// What getdents64 writes; glibc offers readdir only, which allocates for every directory.
struct KernelEntry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t length;
  std::uint8_t type;
};
constexpr std::size_t name_offset = 19;

/// Calls `visit(name)` for each entry until it says false; false when the directory cannot be read.
template <class Visit>
bool for_each_entry(int directory, std::vector<char>& buffer, Visit visit) {
  for (;;) {
    const long bytes = ::syscall(SYS_getdents64, directory, buffer.data(), buffer.size());
    if (bytes <= 0) {
      return bytes == 0;
    }
    for (std::size_t at = 0; at < static_cast<std::size_t>(bytes);) {
      KernelEntry entry{};
      std::memcpy(&entry, buffer.data() + at, name_offset);
      const std::string_view name = buffer.data() + at + name_offset;
      if (name != "." && name != ".." && !visit(name)) {
        return true;
      }
      at += entry.length;
    }
  }
}

FileIdentity identity_of(const struct stat& status) {
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size_bytes = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = status.st_mtim.tv_sec * ns_per_s + status.st_mtim.tv_nsec,
          .regular = S_ISREG(status.st_mode)};
}

/// glibc 2.36 has no wrapper for openat2 (Linux 5.6).
FileDescriptor open_resolved(const FileDescriptor& root, const std::string& path, int flags,
                             std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = resolve | RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return FileDescriptor(
      static_cast<int>(::syscall(SYS_openat2, root.value(), path.c_str(), &how, sizeof(how))));
}

FileDescriptor open_below(const FileDescriptor& root, const std::string& path, int flags) {
  return open_resolved(root, path.empty() ? "." : path, flags, RESOLVE_NO_XDEV);
}

}  // namespace

Files::Files(FileDescriptor root, std::string root_path, bool live)
    : root_(std::move(root)),
      root_path_(std::move(root_path)),
      live_(live),
      buffer_(first_buffer_bytes),
      entries_(entries_buffer_bytes) {}

Result<Files> Files::open(const std::string& root) {
  FileDescriptor directory(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return fail("cannot open the root directory \"" + root + "\": " + std::strerror(errno) +
                "; set `root` to a directory that holds proc and sys");
  }
  struct stat here{};
  struct stat top{};
  const bool live = ::fstat(directory.value(), &here) == 0 && ::stat("/", &top) == 0 &&
                    here.st_dev == top.st_dev && here.st_ino == top.st_ino;
  return Files(std::move(directory), root, live);
}

std::optional<std::string_view> Files::read(const char* path) {
  const FileDescriptor file = open_file_at(root_.value(), path);
  return file ? fill(file.value(), false) : std::nullopt;
}

std::optional<std::string_view> Files::read_at(int directory, const char* path) {
  const FileDescriptor file = open_file_at(directory, path);
  return file ? reread(file.value()) : std::nullopt;
}

std::optional<std::string_view> Files::fill(int descriptor, bool one_piece) {
  std::size_t used = 0;
  for (;;) {
    const ssize_t bytes =
        ::pread(descriptor, buffer_.data() + used, buffer_.size() - used, static_cast<off_t>(used));
    if (bytes < 0) {
      if (errno == EINTR) {
        continue;
      }
      return std::nullopt;
    }
    used += static_cast<std::size_t>(bytes);
    // A file of many records comes in pieces of about a page, so only "0 bytes" is its end.
    const bool full = used == buffer_.size();
    if (bytes == 0 || used >= max_file_bytes || (one_piece && !full)) {
      return std::string_view(buffer_.data(), used);
    }
    if (full) {
      buffer_.resize(buffer_.size() * 2);
    }
  }
}

std::string Files::line(const std::string& path) {
  const auto text = read(path);
  return text ? std::string(trimmed(split_once(*text, '\n').first)) : std::string{};
}

double Files::number(const std::string& path) {
  const auto text = read(path);
  return text ? parse_number(trimmed(*text)) : not_measured;
}

std::string Files::link(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t bytes = ::readlinkat(root_.value(), path.c_str(), target.data(), target.size());
  return bytes > 0 ? std::string(target.data(), static_cast<std::size_t>(bytes)) : std::string{};
}

bool Files::exists(const std::string& path) const {
  return ::faccessat(root_.value(), path.c_str(), F_OK, 0) == 0;
}

std::uint64_t Files::inode(const std::string& path) const {
  struct stat status{};
  return ::fstatat(root_.value(), path.c_str(), &status, 0) == 0 ? status.st_ino : 0;
}

FileIdentity Files::identity(const std::string& path) const {
  struct stat status{};
  return ::fstatat(root_.value(), path.c_str(), &status, 0) == 0 ? identity_of(status)
                                                                 : FileIdentity{};
}

FileDescriptor Files::open_root_of(std::uint64_t pid) const {
  const std::string path = "proc/" + std::to_string(pid) + "/root";
  return FileDescriptor(::openat(root_.value(), path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

FileDescriptor Files::open_mount(const FileDescriptor& root, const std::string& point) {
  return open_resolved(root, point, O_PATH, RESOLVE_NO_SYMLINKS);
}

FileIdentity Files::identity_below(const FileDescriptor& root, const std::string& path) {
  struct stat status{};
  if (path.empty()) {  // a mount may be a file, which nothing lies below
    return ::fstat(root.value(), &status) == 0 ? identity_of(status) : FileIdentity{};
  }
  const FileDescriptor file = open_below(root, path, O_PATH);
  return file && ::fstat(file.value(), &status) == 0 ? identity_of(status) : FileIdentity{};
}

std::vector<std::string> Files::list_below(const FileDescriptor& root, const std::string& path,
                                           std::size_t most) {
  std::vector<std::string> names;
  if (const FileDescriptor directory = open_below(root, path, O_RDONLY | O_DIRECTORY)) {
    for_each_entry(directory.value(), entries_, [&](std::string_view name) {
      names.emplace_back(name);
      return names.size() <= most;
    });
  }
  if (names.size() > most) {
    names.clear();
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Files::list(const std::string& path) {
  std::vector<std::string> names;
  if (const FileDescriptor directory = open_directory(path.c_str())) {
    for_each_entry(directory.value(), entries_, [&](std::string_view name) {
      names.emplace_back(name);
      return true;
    });
  }
  std::sort(names.begin(), names.end());
  return names;
}

const std::vector<std::uint32_t>& Files::list_numbers(const char* path) {
  numbers_.clear();
  if (const FileDescriptor directory = open_directory(path)) {
    for_each_entry(directory.value(), entries_, [&](std::string_view name) {
      const auto number = parse_unsigned(name);
      if (number && *number <= UINT32_MAX) {
        numbers_.push_back(static_cast<std::uint32_t>(*number));
      }
      return true;
    });
  }
  std::sort(numbers_.begin(), numbers_.end());
  return numbers_;
}

std::optional<std::uint64_t> Files::count_entries_at(int directory, const char* path) {
  // Since Linux 6.2 (f1f1f2569901) the size of /proc/PID/fd is the number of its entries.
  struct stat status{};
  if (live_ && ::fstatat(directory, path, &status, 0) == 0 && status.st_size > 0) {
    return static_cast<std::uint64_t>(status.st_size);
  }
  const FileDescriptor opened(::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::uint64_t count = 0;
  const bool all = opened && for_each_entry(opened.value(), entries_, [&](std::string_view) {
                     ++count;
                     return true;
                   });
  return all ? std::optional(count) : std::nullopt;
}

FileDescriptor Files::open_directory(const char* path) const {
  return FileDescriptor(::openat(root_.value(), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

FileDescriptor Files::open_file_at(int directory, const char* path) {
  return FileDescriptor(::openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

std::string Files::absolute(std::string_view path) const {
  std::string whole = root_path_;
  if (!whole.ends_with('/')) {
    whole += '/';
  }
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  return whole.append(path);
}

}  // namespace gala::proc_source
