// Functions by address: of the kernel, of a file, of a just-in-time compiler.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gala::profile_source {

/// Built once, then asked many times. Names lie in one buffer: a kernel has 200,000.
class FunctionTable {
 public:
  /// `size` 0 = unknown: up to the next function.
  void add(std::uint64_t address, std::uint64_t size, std::string_view name);
  /// Call once after the last `add`. Of several names at one address the first stays.
  void finish();

  /// The function that `address` lies in; empty when there is none. Valid while the table is.
  [[nodiscard]] std::string_view find(std::uint64_t address) const;
  [[nodiscard]] std::size_t size() const { return functions_.size(); }

 private:
  struct Function {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    std::uint32_t name_begin = 0;
    std::uint32_t name_size = 0;
  };
  std::vector<Function> functions_;
  std::string names_;
};

/// /proc/kallsyms: functions only. Without privilege all addresses are 0 and the table stays empty.
FunctionTable parse_kernel_symbols(std::string_view text);

/// /tmp/perf-PID.map, which just-in-time compilers write: "address size name", hexadecimal.
FunctionTable parse_perf_map(std::string_view text);

}  // namespace gala::profile_source
