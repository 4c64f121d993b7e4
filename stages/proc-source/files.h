// The reading layer: files below a root directory, read whole into a buffer that is used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala::proc_source {

/// What tells one content of a file from another without reading it. All 0 = there is none.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;
  bool regular = false;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Reads files relative to one directory. A file that is not there, or vanishes while it is read,
/// is simply absent.
class Files {
 public:
  /// Opens `root`; its `proc`, `sys` and `etc` stand for those of the host.
  static Result<Files> open(const std::string& root);

  /// The whole file, at most `max_file_bytes`; valid until the next read. `path` is relative to the
  /// root.
  std::optional<std::string_view> read(const char* path);
  std::optional<std::string_view> read(const std::string& path) { return read(path.c_str()); }
  /// The same for a file below an open directory. Requires: the kernel writes the file in one
  /// piece, as it does all of /proc/PID; it is then read with one call.
  std::optional<std::string_view> read_at(int directory, const char* path);
  /// Reads such an open file from its beginning; the kernel makes its text anew.
  std::optional<std::string_view> reread(int descriptor) { return fill(descriptor, true); }

  /// The first line without surrounding blanks; "" when absent.
  std::string line(const std::string& path);
  /// One number; not_measured when absent or something else.
  double number(const std::string& path);
  /// Target of a symbolic link, "" when absent.
  std::string link(const std::string& path);
  [[nodiscard]] bool exists(const std::string& path) const;
  /// 0 when absent.
  [[nodiscard]] std::uint64_t inode(const std::string& path) const;

  [[nodiscard]] FileIdentity identity(const std::string& path) const;

  /// The root directory as a process sees it; −1 inside when it has gone.
  [[nodiscard]] FileDescriptor open_root_of(std::uint64_t pid) const;
  /// A directory or file that something is mounted on, under such a root. Requires: a mount point
  /// without symbolic links that does not hang (MountTable).
  [[nodiscard]] static FileDescriptor open_mount(const FileDescriptor& root,
                                                 const std::string& point);
  /// Of what `path` means under such a root or mount; "" is the mount itself. Never touches another
  /// file system, where it might have to wait.
  [[nodiscard]] static FileIdentity identity_below(const FileDescriptor& root,
                                                   const std::string& path);
  /// Names in a directory under such a root, sorted, under the same condition; none when there are
  /// more than `most`.
  std::vector<std::string> list_below(const FileDescriptor& root, const std::string& path,
                                      std::size_t most = SIZE_MAX);

  /// Names in a directory without "." and "..", sorted.
  std::vector<std::string> list(const std::string& path);
  /// Names that are numbers (processes), ascending.
  const std::vector<std::uint32_t>& list_numbers(const char* path);
  /// Number of entries of a directory below `directory`; nothing when it cannot be read.
  std::optional<std::uint64_t> count_entries_at(int directory, const char* path);

  /// An open directory or file, −1 inside when it does not open.
  [[nodiscard]] FileDescriptor open_directory(const char* path) const;
  [[nodiscard]] static FileDescriptor open_file_at(int directory, const char* path);

  /// Absolute path of something below the root.
  [[nodiscard]] std::string absolute(std::string_view path) const;
  /// False when `root` is another place than "/": then live interfaces (netlink) do not describe
  /// it.
  [[nodiscard]] bool live() const { return live_; }

 private:
  Files(FileDescriptor root, std::string root_path, bool live);
  std::optional<std::string_view> fill(int descriptor, bool one_piece);

  FileDescriptor root_;
  std::string root_path_;
  bool live_ = true;
  std::vector<char> buffer_;
  std::vector<char> entries_;
  std::vector<std::uint32_t> numbers_;
};

/// Longer files are cut there.
inline constexpr std::size_t max_file_bytes = std::size_t{4} << 20;

}  // namespace gala::proc_source
