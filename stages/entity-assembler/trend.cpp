// Robust slopes.
#include "stages/entity-assembler/trend.h"

#include <algorithm>
#include <cmath>

namespace gala::entity_assembler {
namespace {

constexpr double most_samples = 24;
constexpr std::size_t least_samples = 8;
constexpr double least_covered = 0.5;
/// Below, ups and downs nearly cancel out: caches that fill and empty, not a leak.
constexpr double least_agreement = 0.6;

}  // namespace

std::optional<Slope> robust_slope(std::span<const TimedValue> samples) {
  std::vector<double> slopes;
  slopes.reserve(samples.size() * samples.size() / 2);
  double direction = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t j = i + 1; j < samples.size(); ++j) {
      const double time_s = samples[j].at_s - samples[i].at_s;
      const double change = samples[j].value - samples[i].value;
      if (time_s > 0) {
        slopes.push_back(change / time_s);
        direction += change > 0 ? 1 : change < 0 ? -1 : 0;
      }
    }
  }
  if (slopes.empty()) {
    return std::nullopt;
  }
  const auto middle = slopes.begin() + static_cast<std::ptrdiff_t>(slopes.size() / 2);
  std::nth_element(slopes.begin(), middle, slopes.end());
  return Slope{*middle, direction / static_cast<double>(slopes.size())};
}

double seconds_until_used_up(const Slope& slope, double room, double horizon_s) {
  if (std::isnan(room)) {
    return room;
  }
  if (slope.per_second <= 0 || slope.agreement < least_agreement) {
    return horizon_s;
  }
  return std::clamp(room / slope.per_second, 0.0, horizon_s);
}

void Trend::add(double at_s, double value, double span_s) {
  if (!samples_.empty() && at_s - samples_.back().at_s < span_s / most_samples) {
    return;
  }
  samples_.push_back({at_s, value});
  std::erase_if(samples_, [&](const TimedValue& sample) { return at_s - sample.at_s > span_s; });
  const bool covered =
      samples_.size() >= least_samples && at_s - samples_.front().at_s >= span_s * least_covered;
  slope_ = covered ? robust_slope(samples_) : std::nullopt;
}

}  // namespace gala::entity_assembler
