// Median, spread, quantiles.
#include "stages/infer/robust.h"

#include <algorithm>
#include <cmath>

namespace gala::infer {
namespace {

/// A normal distribution's standard deviation per median absolute deviation, and its 10–90 % range
/// in standard deviations.
constexpr double deviation_per_mad = 1.4826;
constexpr double deviations_in_range = 1.683;
/// Two-sided: 98 % of a normal distribution lie within that many deviations.
constexpr double tail_share = 0.98;
constexpr double deviations_at_tail = 2.33;
constexpr double least_share = 0.05;
constexpr double least_spread = 1e-12;

}  // namespace

double sorted_quantile(std::span<const double> sorted, double q) {
  const double rank = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const auto above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], rank - static_cast<double>(below));
}

Robust robust_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  Robust robust;
  robust.median = sorted_quantile(values, 0.5);
  const double range = sorted_quantile(values, 0.8) - sorted_quantile(values, 0.2);
  for (double& value : values) {
    value = std::abs(value - robust.median);
  }
  std::sort(values.begin(), values.end());
  const double mad = sorted_quantile(values, 0.5);
  robust.spread = std::max(mad * deviation_per_mad, range / deviations_in_range);
  return robust;
}

double spread_floor(double median, double level) {
  return std::max(least_share * std::max(std::abs(median), std::abs(level)), least_spread);
}

double spread_floor(double median, double level, double share) {
  const double usual = share * std::abs(median);
  return usual > least_spread ? usual : spread_floor(median, level);
}

double tail_spread(std::vector<double> values, double median) {
  for (double& value : values) {
    value = std::abs(value - median);
  }
  std::sort(values.begin(), values.end());
  return sorted_quantile(values, tail_share) / deviations_at_tail;
}

}  // namespace gala::infer
