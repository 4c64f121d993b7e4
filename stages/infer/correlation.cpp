// Lag-aware correlation of two series around a change.
#include "stages/infer/correlation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "stages/infer/robust.h"

namespace gala::infer {
namespace {

constexpr std::ptrdiff_t most_windows_before = 60;
constexpr std::ptrdiff_t least_windows_before = 10;
constexpr std::ptrdiff_t most_windows_after = 120;
constexpr std::size_t least_pairs = 6;
constexpr int longest_lead = 3;
constexpr int longest_lag = 1;
constexpr double price_of_shift = 0.02;

/// Values per window around `bent`, NaN where there is none.
struct Grid {
  std::ptrdiff_t before = 0;
  std::ptrdiff_t after = 0;

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(before + after + 1); }
};

Grid grid_of(const Stretch& stretch) {
  const std::ptrdiff_t after = std::clamp<std::ptrdiff_t>(
      (stretch.until - stretch.bent) / stretch.window, 0, most_windows_after);
  // Takes enough of the past to show what is usual, but not so much that its noise outweighs the
  // change.
  return {std::clamp(after * 2, least_windows_before, most_windows_before), after};
}

std::vector<double> spread_out(const Oriented& series, const Stretch& stretch, const Grid& grid) {
  std::vector<double> values(grid.size(), series.absent_is_zero ? 0.0 : not_measured);
  const auto width = static_cast<double>(stretch.window.count());
  for (const Sample& sample : series.samples) {
    const double offset = static_cast<double>((sample.at - stretch.bent).count()) / width;
    const auto place = static_cast<std::ptrdiff_t>(std::lround(offset)) + grid.before;
    if (place >= 0 && place < static_cast<std::ptrdiff_t>(values.size())) {
      values[static_cast<std::size_t>(place)] = sample.value;
    }
  }
  return values;
}

/// Deviations in usual spreads, compressed so that one outlier does not outweigh the rest.
void compress(std::vector<double>& values, const Grid& grid, wire::Direction direction) {
  std::vector<double> usual;
  double extreme = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) {
      extreme = std::max(extreme, std::abs(values[i]));
      if (static_cast<std::ptrdiff_t>(i) < grid.before) {
        usual.push_back(values[i]);
      }
    }
  }
  const Robust robust = usual.empty() ? Robust{} : robust_of(std::move(usual));
  const double spread = std::max(robust.spread, spread_floor(robust.median, extreme));
  const double sign = direction == wire::Direction::high ? 1 : -1;
  for (double& value : values) {
    value = std::asinh(sign * (value - robust.median) / spread);
  }
}

std::optional<double> pearson(const std::vector<double>& cause, const std::vector<double>& effect,
                              int lead) {
  double count = 0;
  double sum_c = 0;
  double sum_e = 0;
  double sum_cc = 0;
  double sum_ee = 0;
  double sum_ce = 0;
  const auto size = static_cast<std::ptrdiff_t>(cause.size());
  for (std::ptrdiff_t i = std::max(0, -lead); i < size && i + lead < size; ++i) {
    const double c = cause[static_cast<std::size_t>(i)];
    const double e = effect[static_cast<std::size_t>(i + lead)];
    if (std::isfinite(c) && std::isfinite(e)) {
      count += 1;
      sum_c += c;
      sum_e += e;
      sum_cc += c * c;
      sum_ee += e * e;
      sum_ce += c * e;
    }
  }
  const double variance = (sum_cc - sum_c * sum_c / count) * (sum_ee - sum_e * sum_e / count);
  if (count < static_cast<double>(least_pairs) || !(variance > 1e-18)) {
    return std::nullopt;
  }
  return (sum_ce - sum_c * sum_e / count) / std::sqrt(variance);
}

}  // namespace

std::optional<double> mean_while(const Oriented& cause, const Oriented& effect, double usual_effect,
                                 const Stretch& stretch) {
  if (stretch.window <= Duration{0}) {
    return std::nullopt;
  }
  const Grid grid = grid_of(stretch);
  const std::vector<double> causes = spread_out(cause, stretch, grid);
  const std::vector<double> effects = spread_out(effect, stretch, grid);
  const double sign = effect.direction == wire::Direction::high ? 1 : -1;
  double sum = 0;
  double weights = 0;
  for (auto i = static_cast<std::size_t>(grid.before); i < grid.size(); ++i) {
    const double weight = sign * (effects[i] - usual_effect);
    if (std::isfinite(weight) && weight > 0 && std::isfinite(causes[i])) {
      sum += weight * causes[i];
      weights += weight;
    }
  }
  return weights > 0 ? std::optional(sum / weights) : std::nullopt;
}

double mean_before(const Oriented& cause, Duration guard, Moment observed, const Stretch& stretch) {
  if (stretch.window <= Duration{0}) {
    return 0;
  }
  const Moment end = stretch.bent - guard - stretch.window;
  const Moment begin = std::max(end - stretch.window * most_windows_before, observed);
  double sum = 0;
  for (const Sample& sample : cause.samples) {
    sum += sample.at > begin && sample.at <= end ? sample.value : 0;
  }
  return sum / static_cast<double>(std::max<std::int64_t>((end - begin) / stretch.window, 1));
}

std::optional<double> correlate(const Oriented& cause, const Oriented& effect,
                                const Stretch& stretch) {
  if (stretch.window <= Duration{0}) {
    return std::nullopt;
  }
  const Grid grid = grid_of(stretch);
  std::vector<double> causes = spread_out(cause, stretch, grid);
  std::vector<double> effects = spread_out(effect, stretch, grid);
  compress(causes, grid, cause.direction);
  compress(effects, grid, effect.direction);
  std::optional<double> best;
  double best_price = 0;
  for (int lead = -longest_lag; lead <= longest_lead; ++lead) {
    // One of several trials fits by chance, so a shift must fit that much better.
    const double price = price_of_shift * std::abs(lead);
    if (const auto r = pearson(causes, effects, lead);
        r && (!best || *r - price > *best - best_price)) {
      best = r;
      best_price = price;
    }
  }
  return best;
}

}  // namespace gala::infer
