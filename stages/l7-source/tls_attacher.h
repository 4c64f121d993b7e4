// Keeps probes at TLS libraries, in a process of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>

#include "runtime/bpf/probe.h"
#include "runtime/core/handle.h"
#include "runtime/core/result.h"
#include "stages/l7-source/tls_finder.h"

namespace gala::l7_source {

/// The stage parses what anybody sends, so it gives its privileges up; attaching to libraries that
/// are loaded later needs them for as long as it runs. So a child has them, which parses ELF files
/// only and whose one way to the stage is what it tells of itself. It ends with the stage, and what
/// it attached with it. What can hang (a file on a disk that does not answer) hangs there.
class TlsAttacher {
 public:
  /// Requires: the caller still has its privileges. The child keeps of `probe` what it attaches.
  static Result<TlsAttacher> start(const bpf::Probe& probe, bool drop_privileges);
  TlsAttacher(TlsAttacher&& other) noexcept;
  TlsAttacher& operator=(TlsAttacher&& other) noexcept;
  ~TlsAttacher();

  /// What it told last; an error when it has ended, or has told nothing for long.
  Result<TlsState> state(BootTime now);
  /// These processes, of all there are now, hand libraries what they read themselves.
  void watch_taking(const std::set<std::uint32_t>& processes);

 private:
  TlsAttacher(FileDescriptor socket, pid_t child)
      : socket_(std::move(socket)), child_(child), told_(current_instant().boot) {}

  FileDescriptor socket_;
  pid_t child_ = -1;
  TlsState latest_;
  BootTime told_;
  std::set<std::uint32_t> asked_;
};

}  // namespace gala::l7_source
