// A limit for scores by extreme value theory.
#include "stages/detect/tail.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace gala::detect {
namespace {

/// Logarithms of scores from e^-8 to e^8.
constexpr double lowest = -8;
constexpr double step = 16.0 / 256;
constexpr double peak_share = 0.02;
constexpr double fewest_peaks = 4;
/// A heavier or lighter tail is no normal score's, but an estimate from too few peaks.
constexpr double most_shape = 0.5;
constexpr double largest_unit = 1e6;
constexpr double least_spread = 0.05;
/// The sum of the counts, which are floats, may differ that much from the total.
constexpr double rounding = 0.01;

double middle(std::size_t bin) { return lowest + (static_cast<double>(bin) + 0.5) * step; }

}  // namespace

void Tail::learn(double score) {
  const double place = (std::log(std::max(score, 1e-9)) - lowest) / step;
  const auto bin = static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)));
  count_runs(bin);
  unit_ *= 1 + 1 / memory_rows_;
  counts_[bin] += static_cast<float>(unit_);
  total_ += unit_;
  if (unit_ > largest_unit) {
    for (float& count : counts_) {
      count /= static_cast<float>(unit_);
    }
    total_ /= unit_;
    excesses_ /= unit_;
    runs_ /= unit_;
    unit_ = 1;
  }
}

void Tail::count_runs(std::size_t bin) {
  if (bin < peaks().first_bin) {
    rows_since_excess_ += 1;
    return;
  }
  excesses_ += unit_;
  runs_ += rows_since_excess_ >= run_gap_rows ? unit_ : 0;
  rows_since_excess_ = 0;
}

double Tail::extremal_index() const {
  // Takes rows for independent until it has seen runs.
  return std::min((runs_ + unit_) / (excesses_ + unit_), 1.0);
}

Tail::Peaks Tail::peaks() const {
  const double wanted = std::max(peak_share * total_, fewest_peaks * unit_);
  Peaks peaks;
  while (peaks.first_bin > 0 && peaks.count < wanted) {
    peaks.count += static_cast<double>(counts_[--peaks.first_bin]);
  }
  return peaks;
}

double Tail::limit(double runs_per_row) const {
  if (total_ <= 0) {
    return std::numeric_limits<double>::infinity();
  }
  const auto [bin, above] = peaks();
  const double threshold = lowest + static_cast<double>(bin) * step;
  double mean = 0;
  double square = 0;
  for (std::size_t i = bin; i < bins; ++i) {
    const double excess = middle(i) - threshold;
    mean += static_cast<double>(counts_[i]) * excess;
    square += static_cast<double>(counts_[i]) * excess * excess;
  }
  mean = std::max(mean / above, least_spread);
  const double variance = std::max(square / above - mean * mean, least_spread * least_spread);
  const double ratio = mean * mean / variance;
  const double shape = std::clamp(0.5 * (1 - ratio), -most_shape, most_shape);
  const double spread = mean * (1 - shape);
  const double probability = std::min(runs_per_row / extremal_index(), 1.0);
  const double rarity = probability * total_ / above;
  const double beyond = std::abs(shape) < 1e-6 ? -std::log(rarity) * spread
                                               : spread / shape * (std::pow(rarity, -shape) - 1);
  return std::exp(threshold + std::max(beyond, 0.0));
}

flatbuffers::Offset<memory::KeptTail> Tail::save(MemoryBuilder& builder) const {
  const auto counts = builder.CreateVector(counts_.data(), counts_.size());
  return memory::CreateKeptTail(builder, unit_, total_, counts, excesses_, runs_);
}

bool Tail::load(const memory::KeptTail* kept) {
  if (kept == nullptr || !take_numbers(kept->counts(), std::span<float>(counts_), 0)) {
    return false;
  }
  unit_ = kept->unit();
  total_ = kept->total();
  excesses_ = kept->excesses();
  runs_ = kept->runs();
  const double counted = std::accumulate(counts_.begin(), counts_.end(), 0.0);
  return unit_ >= 1 && unit_ <= largest_unit && is_amount(total_) &&
         std::abs(counted - total_) <= rounding * total_ && runs_ >= 0 && excesses_ >= runs_ &&
         total_ >= excesses_;
}

}  // namespace gala::detect
