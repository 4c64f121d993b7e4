// What is mounted where, as one process sees it, and whether asking it may hang.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gala::proc_source {

/// One line of /proc/PID/mountinfo.
struct Mount {
  /// As DiskRow::device.
  std::uint64_t device = 0;
  std::string point;
  std::string type;
  /// Block device or export.
  std::string source;
  /// "rw" or "ro".
  std::string status;
};

/// A kind that lives on this host and answers without a network, a user program or an automounter.
/// Kinds that nobody knows are not.
bool is_local_type(std::string_view type);

class MountTable {
 public:
  /// Knows of no mount: everything lies below "/".
  MountTable() = default;
  /// Lines that make no sense are passed over.
  explicit MountTable(std::string_view mountinfo);

  /// In the order of the text; at one place only the last of it, which hides the others.
  [[nodiscard]] const std::vector<Mount>& mounts() const { return mounts_; }
  /// A mount at or above `path` waits for a network or a user program.
  [[nodiscard]] bool may_hang(std::string_view path) const;
  /// Of the file system that `path` lies on; nothing when asking for it may hang.
  [[nodiscard]] std::optional<std::string_view> point_of(std::string_view path) const;

 private:
  /// Mounts at `path` and above it, the nearest first, until `visit` says true.
  template <class Visit>
  bool any_above(std::string_view path, Visit visit) const;

  std::vector<Mount> mounts_;
  std::map<std::string, std::size_t, std::less<>> places_;
};

}  // namespace gala::proc_source
