// What is mapped where in a process, as /proc/PID/maps tells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gala::profile_source {

/// Executable memory that comes from one part of a file.
struct Mapping {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  /// Of `begin` in the file.
  std::uint64_t offset = 0;
  /// "8:1/1234": the same for all processes that map the file; "" for memory without a file.
  std::string file_id;
  /// As the process sees it; "[vdso]" and the like; "" for memory of its own (compiled at run
  /// time).
  std::string path;
};

/// The executable mappings, by address. Lines that cannot be read are left out.
std::vector<Mapping> parse_memory_map(std::string_view text);

/// The mapping that `address` lies in, or nullptr. Requires: sorted by address.
const Mapping* find_mapping(const std::vector<Mapping>& mappings, std::uint64_t address);

}  // namespace gala::profile_source
