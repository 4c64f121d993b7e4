// Numbers for people: the only place where a value meets its unit (docs/design.md, "Quantities").
#pragma once

#include <string>
#include <string_view>

namespace gala {

/// A value in a unit of the model, in three significant digits with the prefix that fits, the same
/// in every language: 0.0123 s "12.3 ms", 4800 s "1 h 20 min", 2048 kB "2 MiB", 0.95 s/s "95 %",
/// 12345 "12.3k", 42 1/s "42/s", 1e9 bit/s "1 Gbit/s". Counts below 10,000 stay whole. A unit that
/// the model does not have follows the number as it is. No number is "?".
std::string quantity(double value, std::string_view unit);

}  // namespace gala
