// Values of this machine that a remedy changes: sysctls, limits of control groups and processes,
// accept queues, files under /sys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/cli/remedy/proposal.h"
#include "runtime/core/result.h"

namespace gala {

/// Where the kernel's files stand; tests use others.
struct KernelFiles {
  std::string proc = "/proc";
};

/// One value, by a target of a remedy (runtime/model/remedy_grammar.h).
class Setting {
 public:
  /// An error when there is none here.
  static Result<Setting> find(std::string_view target, const KernelFiles& files = {});

  /// Where it is, for people: a path, or "limit of open files of process 12".
  [[nodiscard]] std::string where() const;
  /// The whole text as it can be written back.
  [[nodiscard]] Result<std::string> read() const;
  [[nodiscard]] Result<void> write(const std::string& text) const;
  [[nodiscard]] const ValueShape& shape() const { return shape_; }

 private:
  enum class Kind { file, open_files, backlog };

  Result<void> find_sysctl(const std::string& rest);
  Result<void> find_group(const std::string& rest);
  Result<void> find_of_process(const std::string& rest, bool backlog);

  Kind kind_ = Kind::file;
  std::string path_;
  /// Process whose network namespace, limit or queue it is; 0 = ours.
  int pid_ = 0;
  std::uint16_t port_ = 0;
  ValueShape shape_;
  KernelFiles files_;
};

}  // namespace gala
