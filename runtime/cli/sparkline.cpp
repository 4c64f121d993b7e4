// Blocks from U+2581 to U+2588, and numbers for people.
#include "runtime/cli/sparkline.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

namespace gala {
namespace {

constexpr std::array<std::string_view, 8> blocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

std::vector<double> join(std::span<const double> values, std::size_t width) {
  if (values.size() <= width) {
    return {values.begin(), values.end()};
  }
  std::vector<double> joined(width, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < values.size(); ++i) {
    joined[i * width / values.size()] = std::fmax(joined[i * width / values.size()], values[i]);
  }
  return joined;
}

struct Prefix {
  double scale;
  std::string_view text;
};

constexpr std::array large{Prefix{1e12, "T"}, Prefix{1e9, "G"}, Prefix{1e6, "M"}, Prefix{1e3, "k"}};
constexpr std::array small{Prefix{1, ""}, Prefix{1e-3, "m"}, Prefix{1e-6, "µ"}, Prefix{1e-9, "n"}};

std::string three_digits(double value) {
  const double magnitude = std::fabs(value);
  const int decimals = magnitude >= 99.95 || value == std::floor(value) ? 0
                       : magnitude >= 9.995                             ? 1
                                                                        : 2;
  return fmt::format("{:.{}f}", value, decimals);
}

}  // namespace

std::string sparkline(std::span<const double> values, std::size_t width) {
  const std::vector<double> shown = width == 0 ? std::vector<double>{} : join(values, width);
  double least = std::numeric_limits<double>::infinity();
  double greatest = -least;
  for (const double value : shown) {
    if (std::isfinite(value)) {
      least = std::min(least, value);
      greatest = std::max(greatest, value);
    }
  }
  std::string line;
  for (const double value : shown) {
    if (!std::isfinite(value)) {
      line += ' ';
      continue;
    }
    const double share = greatest > least ? (value - least) / (greatest - least) : 0;
    line += blocks[static_cast<std::size_t>(std::lround(share * (blocks.size() - 1)))];
  }
  return line;
}

std::string with_unit(double value, std::string_view unit) {
  if (!std::isfinite(value)) {
    return "–";
  }
  // A plain count has no name, and "k/s" reads better than "k1/s".
  const std::string_view name = unit == "1" ? std::string_view{} : unit == "1/s" ? "/s" : unit;
  const double magnitude = std::fabs(value);
  Prefix prefix{1, ""};
  if (name == "s" && magnitude > 0 && magnitude < 1) {
    for (const Prefix& candidate : small) {
      prefix = candidate;
      if (magnitude >= candidate.scale * 0.9995) {
        break;
      }
    }
  } else if (name != "s" && name != "%") {
    for (const Prefix& candidate : large) {
      if (magnitude >= candidate.scale) {
        prefix = candidate;
        break;
      }
    }
  }
  const std::string number = three_digits(value / prefix.scale);
  return prefix.text.empty() && name.empty() ? number
                                             : fmt::format("{} {}{}", number, prefix.text, name);
}

}  // namespace gala
