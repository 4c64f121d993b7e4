// Blocks from U+2581 to U+2588.
#include "runtime/cli/sparkline.h"

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

}  // namespace gala
