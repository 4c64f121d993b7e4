// Rounds first and chooses the prefix then, so that 999.6 ms is 1 s and never 1000 ms.
#include "runtime/text/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include "runtime/model/unit.h"

namespace gala {
namespace {

/// A multiple of a base unit and what it is called.
struct Step {
  double factor;
  std::string_view name;
};

constexpr std::array<Step, 4> time_steps{{{1e-9, "ns"}, {1e-6, "µs"}, {1e-3, "ms"}, {1, "s"}}};
constexpr std::array<Step, 6> binary_steps{
    {{1, ""}, {0x1p10, "Ki"}, {0x1p20, "Mi"}, {0x1p30, "Gi"}, {0x1p40, "Ti"}, {0x1p50, "Pi"}}};
constexpr std::array<Step, 6> decimal_steps{
    {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}, {1e15, "P"}}};

/// Counts keep all their digits below it.
constexpr double least_count_with_prefix = 10'000;
/// "90 s" says more than "1 min 30 s".
constexpr double most_plain_seconds = 120;
constexpr double minute = 60;
constexpr double hour = 60 * minute;
constexpr double day = 24 * hour;
constexpr int most_decimals = 6;
/// What is larger is no measurement; it must not become a line of digits.
constexpr double largest = 1e18;

/// As many decimals as make three significant digits; none from 100 on.
int decimals_of(double size) {
  int decimals = 0;
  for (double edge = 99.95; decimals < most_decimals && size < edge; edge /= 10) {
    ++decimals;
  }
  return size == 0 ? 0 : decimals;
}

std::string digits(double value) {
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::fixed, decimals_of(value));
  std::string text(buffer.data(), end.ptr);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) {
      text.pop_back();
    }
  }
  return text;
}

/// The value as `digits` shows it.
double rounded(double value) {
  const double scale = std::pow(10, decimals_of(value));
  return std::round(value * scale) / scale;
}

/// The largest step that the value reaches once it is rounded.
const Step& step_of(double value, std::span<const Step> steps) {
  std::size_t chosen = 0;
  while (chosen + 1 < steps.size() &&
         rounded(value / steps[chosen].factor) * steps[chosen].factor >= steps[chosen + 1].factor) {
    ++chosen;
  }
  return steps[chosen];
}

std::string with_prefix(double value, std::span<const Step> steps, std::string_view unit) {
  const Step& step = step_of(value, steps);
  return digits(value / step.factor).append(" ").append(step.name).append(unit);
}

std::string number(double value) {
  if (rounded(value) < least_count_with_prefix) {
    return digits(value);
  }
  const Step& step = step_of(value, decimal_steps);
  return digits(value / step.factor).append(step.name);
}

/// "1 h 20 min": two units next to each other, the second one only where it is not zero.
std::string in_two(double seconds, const Step& large, const Step& small) {
  const double smalls = std::round(seconds / small.factor);
  const double per_large = large.factor / small.factor;
  const double rest = std::fmod(smalls, per_large);
  std::string text = digits(std::floor(smalls / per_large)).append(" ").append(large.name);
  return rest == 0 ? text : text.append(" ").append(digits(rest)).append(" ").append(small.name);
}

std::string duration(double seconds) {
  if (seconds == 0) {
    return "0 s";
  }
  if (rounded(seconds) < most_plain_seconds) {
    return with_prefix(seconds, time_steps, "");
  }
  if (std::round(seconds) < hour) {
    return in_two(seconds, {minute, "min"}, {1, "s"});
  }
  if (std::round(seconds / minute) * minute < day) {
    return in_two(seconds, {hour, "h"}, {minute, "min"});
  }
  return in_two(seconds, {day, "d"}, {hour, "h"});
}

/// Requires: neither negative nor infinite.
std::string in_unit(double value, const Unit& unit) {
  const std::string_view rate = unit.per_second ? "/s" : "";
  switch (unit.measure) {
    case Measure::count:
      return number(value).append(rate);
    case Measure::percent:
      return digits(value) + " %";
    case Measure::share:
      return digits(value * 100) + " %";
    case Measure::seconds:
      return duration(value);
    case Measure::bytes:
      return with_prefix(value, binary_steps, "B").append(rate);
    case Measure::bits:
      return with_prefix(value, decimal_steps, "bit").append(rate);
    case Measure::hertz:
      return with_prefix(value, decimal_steps, "Hz");
  }
  return "?";
}

}  // namespace

std::string quantity(double value, std::string_view unit) {
  if (std::isnan(value)) {
    return "?";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-∞" : "∞";
  }
  const Unit* known = find_unit(unit);
  const double size = std::min(std::fabs(value) * (known == nullptr ? 1 : known->factor), largest);
  const std::string text =
      known == nullptr ? number(size).append(" ").append(unit) : in_unit(size, *known);
  const bool is_zero = text.starts_with("0 ") || text.starts_with("0/") || text == "0";
  return value < 0 && !is_zero ? "-" + text : text;
}

}  // namespace gala
