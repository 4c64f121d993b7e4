// Time: boot time decides, wall time labels.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace gala {

using Duration = std::chrono::nanoseconds;

/// CLOCK_BOOTTIME: never steps, counts suspend; what the kernel stamps (`bpf_ktime_get_boot_ns`).
struct BootTime {
  Duration since_boot{0};

  static constexpr BootTime from_ns(std::uint64_t ns) {
    return {Duration{static_cast<std::int64_t>(ns)}};
  }
  [[nodiscard]] constexpr std::uint64_t ns() const {
    return static_cast<std::uint64_t>(since_boot.count());
  }
  friend constexpr auto operator<=>(BootTime, BootTime) = default;
  friend constexpr BootTime operator+(BootTime time, Duration d) { return {time.since_boot + d}; }
  friend constexpr BootTime operator-(BootTime time, Duration d) { return {time.since_boot - d}; }
  friend constexpr Duration operator-(BootTime a, BootTime b) {
    return a.since_boot - b.since_boot;
  }
};

/// Unix time; it may step, so nothing is computed from it.
struct WallTime {
  Duration since_epoch{0};

  [[nodiscard]] constexpr std::int64_t ns() const { return since_epoch.count(); }
  [[nodiscard]] constexpr std::int64_t ms() const { return since_epoch.count() / 1'000'000; }
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

/// One moment on both clocks. Stages receive it; they never ask for it.
struct Instant {
  BootTime boot;
  WallTime wall;

  /// wall − boot, to label boot times of the same message.
  [[nodiscard]] constexpr std::int64_t wall_offset_ns() const {
    return wall.since_epoch.count() - boot.since_boot.count();
  }
};

constexpr WallTime wall_of(BootTime boot, std::int64_t wall_offset_ns) {
  return {boot.since_boot + Duration{wall_offset_ns}};
}

/// Reads both clocks. Called by the runtime's edges only.
Instant current_instant();

}  // namespace gala
