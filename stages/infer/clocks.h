// One time line for all machines, so that boot times of different machines compare.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/core/time.h"

namespace gala::infer {

/// A time on the common line: a machine's boot time plus its first wall offset. A later step of the
/// wall clock does not move it.
struct Moment {
  Duration at{0};

  friend constexpr auto operator<=>(Moment, Moment) = default;
  friend constexpr Moment operator+(Moment moment, Duration d) { return {moment.at + d}; }
  friend constexpr Moment operator-(Moment moment, Duration d) { return {moment.at - d}; }
  friend constexpr Duration operator-(Moment a, Moment b) { return a.at - b.at; }
};

/// The offsets of at most `limit` machines.
class Clocks {
 public:
  static constexpr std::size_t limit = 10'000;
  /// Caps times from messages (at 73 years), so that no sum of two overflows.
  static constexpr std::int64_t furthest_ns = std::int64_t{1} << 61;

  /// Puts a boot time of `machine` on the common line. The machine's first offset stays.
  Moment moment(std::string_view machine, BootTime boot, std::int64_t wall_offset_ns) {
    const Duration since_boot = cut(boot.since_boot.count());
    auto known = offsets_.find(machine);
    if (known == offsets_.end()) {
      if (offsets_.size() >= limit) {
        return {since_boot + cut(wall_offset_ns)};
      }
      known = offsets_.emplace(std::string(machine), cut(wall_offset_ns)).first;
    }
    return {since_boot + known->second};
  }

  /// The boot time of `machine` at that moment, never below zero.
  [[nodiscard]] BootTime boot_time(std::string_view machine, Moment moment) const {
    const auto known = offsets_.find(machine);
    const Duration offset = known == offsets_.end() ? Duration{0} : known->second;
    return {std::max(moment.at - offset, Duration{0})};
  }

  [[nodiscard]] bool knows(std::string_view machine) const {
    return offsets_.find(machine) != offsets_.end();
  }

 private:
  static Duration cut(std::int64_t ns) {
    return Duration{std::clamp(ns, -furthest_ns, furthest_ns)};
  }

  std::map<std::string, Duration, std::less<>> offsets_;
};

}  // namespace gala::infer
