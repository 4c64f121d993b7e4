// The list of units.
#include "runtime/model/unit.h"

#include <algorithm>
#include <array>

namespace gala {
namespace {

constexpr bool per_second = true;
/// A kB is what the kernel calls one: 1024 bytes.
constexpr double bytes_per_kb = 1024;

constexpr std::array all_units{Unit{"1", Measure::count},
                               Unit{"1/s", Measure::count, 1, per_second},
                               Unit{"%", Measure::percent},
                               Unit{"s/s", Measure::share},
                               Unit{"s", Measure::seconds},
                               Unit{"ms", Measure::seconds, 1e-3},
                               Unit{"us", Measure::seconds, 1e-6},
                               Unit{"ns", Measure::seconds, 1e-9},
                               Unit{"B", Measure::bytes},
                               Unit{"kB", Measure::bytes, bytes_per_kb},
                               Unit{"B/s", Measure::bytes, 1, per_second},
                               Unit{"kB/s", Measure::bytes, bytes_per_kb, per_second},
                               Unit{"bit/s", Measure::bits, 1, per_second},
                               Unit{"Mbit/s", Measure::bits, 1e6, per_second},
                               Unit{"Hz", Measure::hertz},
                               Unit{"MHz", Measure::hertz, 1e6}};

}  // namespace

std::span<const Unit> units() { return all_units; }

const Unit* find_unit(std::string_view name) {
  const std::string_view wanted = name.empty() ? "1" : name;
  const auto* found = std::ranges::find(all_units, wanted, &Unit::name);
  return found == all_units.end() ? nullptr : found;
}

}  // namespace gala
