// Values of this machine that a remedy changes: sysctls, limits of control groups, limits of
// processes, files under /sys.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace gala {

/// Where the kernel's files stand; tests use others.
struct KernelFiles {
  std::string proc = "/proc";
};

/// One value, by the target of a remedy (runtime/model.h): "sysctl:<name>[:<pid>]" (of the pid's
/// network namespace), "cgroup:cpu.max|memory.max|pids.max:<group>" (v1 files where the group has
/// no v2 ones), "rlimit:nofile:<pid>", "file:<path>".
class Setting {
 public:
  static Result<Setting> find(std::string_view target, const KernelFiles& files = {});

  /// Where it is, for people: a path, or "open files of process 12".
  [[nodiscard]] std::string where() const;
  /// The whole text as it can be written back.
  [[nodiscard]] Result<std::string> read() const;
  [[nodiscard]] Result<void> write(const std::string& text) const;
  /// Which of several numbers in it a remedy changes: the first or the last.
  [[nodiscard]] bool first_number_counts() const { return first_counts_; }

 private:
  enum class Kind { file, open_files };

  Kind kind_ = Kind::file;
  std::string path_;
  /// Process whose network namespace or limit it is; 0 = ours.
  int pid_ = 0;
  bool first_counts_ = false;
  KernelFiles files_;
};

/// What a remedy makes of `now`: "at_least:<number>", "times:<factor>" (never beyond `most`, 0 = no
/// bound) or "set:<text>". Nothing when it is so already, or when there is no limit to raise.
std::optional<std::string> proposed_value(std::string_view now, std::string_view propose,
                                          double most, bool first_number);

}  // namespace gala
