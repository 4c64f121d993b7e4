// What rows of one table teach that rows of others need: processes, disks, cgroups.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/core/record_schema.h"
#include "stages/entity-assembler/cells.h"
#include "stages/entity-assembler/cgroup_path.h"

namespace gala::entity_assembler {

/// A process as far as it is known. Texts are empty while unknown.
struct Process {
  /// Boot time of its start; 0 = unknown.
  std::uint64_t start_ns = 0;
  std::string comm;
  std::string cmdline;
  std::string exe;
  std::string ppid;
  std::string pgid;
  std::string cgroup;
  CgroupOwner owner;
  /// Boot time of its end; 0 = alive.
  std::uint64_t ended_ns = 0;
  std::uint64_t seen_ns = 0;
  /// Changes whenever anything above but `seen_ns` does.
  std::uint64_t version = 0;
  /// Of the columns that told all this, to skip rows that tell nothing new.
  std::uint64_t row_hash = 0;
};

/// A block device's names.
struct Disk {
  std::string disk_name;
  std::string blk_name;
};

/// A process that is gone: its number and the time.
struct ProcessEnd {
  std::uint64_t tgid = 0;
  std::uint64_t time_ns = 0;
  /// Its number belongs to a younger process already.
  bool replaced = false;
};

/// One machine's facts. Bounded: what does not fit is refused and counted.
class Facts {
 public:
  explicit Facts(std::size_t most_processes) : most_processes_(most_processes) {}

  /// Takes what the rows of a table teach. Returns the processes that they prove gone.
  std::vector<ProcessEnd> learn(const MessageCells& cells, const Teachings& teaches,
                                std::uint64_t window_end_ns);
  /// Drops processes not seen since `seen_ns`, and those that ended before `ended_ns`.
  void forget_before(std::uint64_t seen_ns, std::uint64_t ended_ns);

  /// Nothing when unknown. Valid until the next learn or forget_before.
  [[nodiscard]] const Process* process(std::uint64_t tgid) const;
  [[nodiscard]] const Disk* disk(std::uint64_t major, std::uint64_t minor) const;
  /// Path of a cgroup by its inode; empty when unknown.
  [[nodiscard]] std::string_view cgroup_path(std::uint64_t cgroup_id) const;

  /// Count up with every change; let callers keep what they derived.
  [[nodiscard]] std::uint64_t disks_version() const { return disks_version_; }
  [[nodiscard]] std::uint64_t cgroups_version() const { return cgroups_version_; }
  [[nodiscard]] std::size_t processes() const { return processes_.size(); }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct ProcessColumns;

  void learn_process(const ProcessColumns& columns, std::size_t row, std::uint64_t now_ns,
                     std::vector<ProcessEnd>& ends);
  static bool take_columns(Process& process, const ProcessColumns& columns, std::size_t row);
  void learn_ends(const MessageCells& cells, const Teachings& teaches,
                  std::vector<ProcessEnd>& ends);
  void learn_disks(const MessageCells& cells, const Teachings& teaches);
  void learn_cgroups(const MessageCells& cells, const Teachings& teaches);

  std::size_t most_processes_;
  std::unordered_map<std::uint64_t, Process> processes_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Disk> disks_;
  std::unordered_map<std::uint64_t, std::string> cgroups_;
  std::uint64_t next_version_ = 1;
  std::uint64_t disks_version_ = 1;
  std::uint64_t cgroups_version_ = 1;
  std::uint64_t refused_ = 0;
};

/// Kernel device numbers as block layer traces print them.
struct DeviceNumber {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
};
/// major << 20 | minor.
constexpr DeviceNumber split_device(std::uint64_t device) {
  return {device >> 20, device & 0xfffffU};
}

}  // namespace gala::entity_assembler
