// One split of all series at once, by gain in likelihood.
#include "stages/infer/evaluate/change_point.h"

#include <algorithm>
#include <cmath>

#include "stages/infer/robust.h"

namespace gala::infer {
namespace {

/// Does not split in the first rows, because something usual must come before.
constexpr double least_before = 0.05;
constexpr std::size_t least_rows = 10;
constexpr std::size_t least_values = 20;
/// Cuts off outliers beyond these quantiles.
constexpr double cut_low = 0.01;
constexpr double cut_high = 0.99;
/// Least noise, as a share of the series' range.
constexpr double least_noise = 0.02;

/// Fills gaps with the median, cuts outliers and scales to a range of one. Empty if constant.
std::vector<double> prepared(const std::vector<double>& series) {
  std::vector<double> sorted;
  for (const double value : series) {
    if (std::isfinite(value)) {
      sorted.push_back(value);
    }
  }
  if (sorted.size() < least_values) {
    return {};
  }
  std::sort(sorted.begin(), sorted.end());
  const double low = sorted_quantile(sorted, cut_low);
  const double high = sorted_quantile(sorted, cut_high);
  const double median = sorted_quantile(sorted, 0.5);
  if (!(high - low > 1e-12 * std::max(1.0, std::abs(median)))) {
    return {};
  }
  std::vector<double> values;
  values.reserve(series.size());
  for (const double value : series) {
    const double known = std::isfinite(value) ? std::clamp(value, low, high) : median;
    values.push_back((known - median) / (high - low));
  }
  return values;
}

/// Adds each split's squared gain.
void add_gains(const std::vector<double>& values, std::vector<double>& gains) {
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  double squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  const double noise = count * least_noise * least_noise;
  const double whole = squares - sum * sum / count + noise;
  double left_sum = 0;
  double left_squares = 0;
  for (std::size_t row = 1; row < values.size(); ++row) {
    left_sum += values[row - 1];
    left_squares += values[row - 1] * values[row - 1];
    const auto before = static_cast<double>(row);
    const double right_sum = sum - left_sum;
    const double split = left_squares - left_sum * left_sum / before + (squares - left_squares) -
                         right_sum * right_sum / (count - before) + noise;
    const double gain = count / 2 * std::log(whole / std::max(split, noise)) - std::log(count);
    if (gain > 0) {
      gains[row] += gain * gain;
    }
  }
}

}  // namespace

std::optional<ChangePoint> find_change(std::span<const std::vector<double>> series) {
  const std::size_t rows = series.empty() ? 0 : series.front().size();
  std::vector<double> gains(rows, 0);
  std::size_t used = 0;
  for (const std::vector<double>& one : series) {
    if (const std::vector<double> values = prepared(one); !values.empty()) {
      add_gains(values, gains);
      ++used;
    }
  }
  const std::size_t first =
      std::max(least_rows, static_cast<std::size_t>(least_before * static_cast<double>(rows)));
  if (used == 0 || first >= rows) {
    return std::nullopt;
  }
  const auto best =
      std::max_element(gains.begin() + static_cast<std::ptrdiff_t>(first), gains.end());
  if (*best <= 0) {
    return std::nullopt;
  }
  return ChangePoint{static_cast<std::size_t>(best - gains.begin()),
                     std::sqrt(*best / static_cast<double>(used)) / static_cast<double>(rows)};
}

}  // namespace gala::infer
