// The samples of one process and kind in one window: collected stack by stack, told as a message
// and as its hottest functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schemas/wire/stack_profile_generated.h"
#include "stages/profile-source/symbolizer.h"

namespace gala::profile_source {

/// How much of a process's samples a function has: itself, and with all that it called.
struct FunctionShare {
  std::string function;
  std::uint64_t self = 0;
  std::uint64_t total = 0;
};

class Profile {
 public:
  explicit Profile(std::string comm) : comm_(std::move(comm)) {}

  /// One stack, outermost function first. The same stack may come again.
  void add(const std::vector<std::string>& functions, std::uint64_t samples);

  [[nodiscard]] const std::string& comm() const { return comm_; }
  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  /// By own share, then by name; a recursive function counts once a stack.
  [[nodiscard]] std::vector<FunctionShare> shares() const;

  struct Header {
    std::string machine_id;
    std::string kind;
    std::uint32_t tgid = 0;
    std::uint64_t window_start_ns = 0;
    std::uint64_t window_end_ns = 0;
    std::int64_t wall_offset_ns = 0;
    double weight = 0;
    std::string unit;
    std::uint64_t lost = 0;
  };
  /// The StackProfile message.
  [[nodiscard]] std::vector<std::uint8_t> message(const Header& header,
                                                  const std::vector<UsedModule>& modules) const;

 private:
  std::string comm_;
  std::uint64_t samples_ = 0;
  std::vector<std::string> functions_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  /// Ordered, so that the same samples make the same bytes.
  std::map<std::vector<std::uint32_t>, std::uint64_t> stacks_;
};

}  // namespace gala::profile_source
