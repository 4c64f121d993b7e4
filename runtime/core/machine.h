// Which machine this is, and what this process costs it.
#pragma once

#include <cstdint>
#include <string>

namespace gala {

/// /etc/machine-id under `root`, else the DMI product uuid, else the host name: what ids begin
/// with. Only characters that ids allow.
std::string machine_id(const std::string& root = "");

/// CPU time and memory of the calling process.
struct ProcessUsage {
  std::uint64_t cpu_ns = 0;
  std::uint64_t resident_bytes = 0;
  /// Shared pages counted by share; 0 where smaps_rollup cannot be read.
  std::uint64_t proportional_bytes = 0;
};

std::uint64_t process_cpu_ns();
/// Walks the page tables: not for every second.
ProcessUsage process_usage();

}  // namespace gala
