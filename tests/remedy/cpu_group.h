// A control group of the test's own with a CPU limit, in whichever hierarchy this machine has.
#pragma once

#include <optional>
#include <string>

namespace gala {

/// Made empty and without a limit; removed, when nobody is in it any more, with its owner.
class CpuGroup {
 public:
  /// `path` is below the root: "/a" or "/a/b". Nothing where such groups cannot be made.
  static std::optional<CpuGroup> make(const std::string& path);
  CpuGroup(CpuGroup&& other) noexcept;
  CpuGroup& operator=(CpuGroup&&) = delete;
  CpuGroup(const CpuGroup&) = delete;
  CpuGroup& operator=(const CpuGroup&) = delete;
  ~CpuGroup();

  /// Its processes get that share of one CPU; 0 = no limit.
  bool limit(double cpus) const;
  /// The limit as text: of cpu.max, or cpu.cfs_quota_us.
  [[nodiscard]] std::string limit_text() const;
  /// Who writes "0" there is in the group.
  [[nodiscard]] std::string procs_file() const { return directory_ + "/cgroup.procs"; }

 private:
  CpuGroup(std::string directory, std::string file)
      : directory_(std::move(directory)), file_(std::move(file)) {}

  std::string directory_;
  std::string file_;
};

}  // namespace gala
