// Finds the TLS libraries in what runs, and keeps probes at their functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/bpf/function_hook.h"
#include "runtime/core/result.h"
#include "runtime/core/time.h"
#include "stages/l7-source/mapped_files.h"

namespace gala::l7_source {

/// What there is to say, since start unless said otherwise.
struct TlsState {
  /// Files with probes now, and how many probes.
  std::uint64_t files = 0;
  std::uint64_t points = 0;
  /// Files that could not be opened, not be understood, or whose functions the kernel refused; and
  /// those beyond the limit.
  std::uint64_t unreadable = 0;
  std::uint64_t unparsable = 0;
  std::uint64_t unattachable = 0;
  std::uint64_t no_room = 0;
};

/// Looks through processes: those that are new at once and a few times again, since libraries come
/// after the program, the others now and then. A file is read once; a probe at it holds for every
/// process that maps it, also for those that start later. Not thread-safe.
class TlsFinder {
 public:
  using Attach = std::function<Result<bpf::FunctionHook>(const bpf::FunctionPoint&)>;

  explicit TlsFinder(Attach attach) : attach_(std::move(attach)) {}

  /// One look at what is due.
  void look(BootTime now);
  /// The process hands libraries what it reads itself: probes where they take that, in it only.
  void watch_taking(std::uint32_t pid);
  [[nodiscard]] const TlsState& state() const { return state_; }

  /// Files with probes at one time. Each takes about ten descriptors.
  static constexpr std::size_t most_files = 64;
  /// Processes that are watched taking.
  static constexpr std::size_t most_taking = 64;
  /// Files and processes that are remembered.
  static constexpr std::size_t most_known = 16384;

 private:
  struct Process {
    BootTime due;
    Duration pause{};
    BootTime seen;
    /// Files with probes that it maps.
    std::vector<std::string> files;
  };
  struct File {
    BootTime used;
    std::vector<bpf::FunctionHook> hooks;
    /// Tells it from others; "" when it could not be opened.
    std::string identity;
    /// The same file as another container sees it, which has the probes.
    std::string same_as;
  };

  void look_at(std::uint32_t pid, Process& process, BootTime now);
  void examine(std::uint32_t pid, const MappedFile& mapped, File& file);
  void forget(BootTime now);

  Attach attach_;
  std::map<std::uint32_t, Process> processes_;
  std::map<std::string, File> files_;
  std::map<std::uint32_t, std::vector<bpf::FunctionHook>> taking_;
  TlsState state_;
};

}  // namespace gala::l7_source
