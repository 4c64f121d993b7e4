// The units that a metric of the model may have, after its `scale`: the only list of them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace gala {

/// What a unit counts, and so how people read it (runtime/text/quantity.h).
enum class Measure : std::uint8_t {
  /// Things, events, ratios.
  count,
  percent,
  /// Seconds in each second: how much of a CPU, of the time.
  share,
  seconds,
  bytes,
  bits,
  hertz,
};

struct Unit {
  std::string_view name;
  Measure measure = Measure::count;
  /// How many of the base (1, s, B, bit, Hz) one of it is.
  double factor = 1;
  bool per_second = false;
};

std::span<const Unit> units();
/// Null where the model has no such unit. "" is "1".
const Unit* find_unit(std::string_view name);

}  // namespace gala
