// The files of a process, as it sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/core/handle.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/mount_table.h"

namespace gala::proc_source {

/// Paths below the root directory of one process, through what is mounted there. File systems over
/// a network or in user space are never touched: what lies on them is absent. So is what a symbolic
/// link leads to on another file system.
class ProcessView {
 public:
  /// Requires: `files` and `mounts` live longer.
  ProcessView(Files& files, std::uint64_t pid, const MountTable& mounts)
      : files_(&files), mounts_(&mounts), root_(files.open_root_of(pid)) {}

  /// False when the process has gone.
  explicit operator bool() const { return static_cast<bool>(root_); }
  [[nodiscard]] FileIdentity identity(const std::string& path) const;
  /// Names in a directory, sorted; none when there are more than `most`.
  [[nodiscard]] std::vector<std::string> list(const std::string& path,
                                              std::size_t most = SIZE_MAX) const;

 private:
  /// What `use` gives for an open directory and the rest of the path below it.
  template <class Use>
  auto where(const std::string& path, Use use) const;

  Files* files_;
  const MountTable* mounts_;
  FileDescriptor root_;
};

}  // namespace gala::proc_source
