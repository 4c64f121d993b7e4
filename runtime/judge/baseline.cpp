// A bounded sample of recent normal windows.
#include "runtime/judge/baseline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace gala {
namespace {

constexpr double smallest_amount = 1e-9;
/// The least number of points for a quantile, however short the warm-up is.
constexpr std::size_t least_points = 8;
/// Quantile estimates from histograms move by that much without a reason.
constexpr float least_noise = 0.02F;
/// Median absolute deviation → standard deviation of a normal distribution; differences have √2 of
/// it.
constexpr float deviation_of_difference = 1.4826F / 1.41421356F;

constexpr float not_known = std::numeric_limits<float>::quiet_NaN();

using Scratch = std::array<float, Baseline::capacity>;

float quantile_of(std::span<float> values, double share) {
  const auto at = std::lround(share * static_cast<double>(values.size() - 1));
  const auto place = values.begin() + at;
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

/// The known values of one member of all points, from `oldest` on.
std::span<float> collect(std::span<const BaselinePoint> points, std::size_t oldest,
                         float BaselinePoint::* member, Scratch& scratch) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < points.size() && count < scratch.size(); ++i) {
    const float value = points[(oldest + i) % points.size()].*member;
    if (std::isfinite(value)) {
      scratch[count++] = value;
    }
  }
  return {scratch.data(), count};
}

/// The worse of the two; a NaN loses.
float worse_of(float a, float b, wire::Direction worse) {
  return worse == wire::Direction::high ? std::fmax(a, b) : std::fmin(a, b);
}

float noise_of(std::span<const float> in_order) {
  Scratch scratch{};
  for (std::size_t i = 1; i < in_order.size(); ++i) {
    scratch[i - 1] = std::fabs(in_order[i] - in_order[i - 1]);
  }
  if (in_order.size() < 2) {
    return least_noise;
  }
  const float middle = quantile_of({scratch.data(), in_order.size() - 1}, 0.5);
  return std::max(least_noise, middle * deviation_of_difference);
}

}  // namespace

float log_of(double amount) {
  return static_cast<float>(std::log(amount > smallest_amount ? amount : smallest_amount));
}

double amount_of(double logarithm) {
  return logarithm <= double{log_of(0)} ? 0 : std::exp(logarithm);
}

void Baseline::learn(const BaselinePoint& point, std::uint64_t window_ns,
                     const BaselineShape& shape) {
  learned_ns_ += window_ns;
  worse_ = shape.worse;
  if (points_.empty() && learned_ns_ <= static_cast<std::uint64_t>(shape.warmup.count()) / 2) {
    return;
  }
  note_sustained(point.value);
  if (++skipped_ < stride_) {
    return;
  }
  const std::uint64_t slot_ns = std::max<std::uint64_t>(1, window_ns * stride_);
  keep(point, static_cast<std::uint64_t>(shape.span.count()) / slot_ns);
}

void Baseline::note_sustained(float value) {
  const bool is_high = worse_ == wire::Direction::high;
  if (std::isfinite(before_that_)) {
    const float level = is_high ? std::min({value, before_, before_that_})
                                : std::max({value, before_, before_that_});
    sustained_ = worse_of(sustained_, level, worse_);
  }
  before_that_ = before_;
  before_ = value;
}

void Baseline::keep(BaselinePoint point, std::uint64_t wanted) {
  point.sustained = sustained_;
  sustained_ = not_known;
  skipped_ = 0;
  stale_ = true;
  if (points_.size() == capacity && wanted > capacity) {
    thin_out();
  }
  if (points_.size() < std::clamp<std::uint64_t>(wanted, least_points, capacity)) {
    oldest_first();
    points_.push_back(point);
    return;
  }
  points_[oldest_] = point;
  oldest_ = (oldest_ + 1) % static_cast<std::uint32_t>(points_.size());
}

void Baseline::oldest_first() {
  std::rotate(points_.begin(), points_.begin() + oldest_, points_.end());
  oldest_ = 0;
}

void Baseline::thin_out() {
  oldest_first();
  for (std::size_t i = 0; 2 * i + 1 < points_.size(); ++i) {
    const float sustained =
        worse_of(points_[2 * i].sustained, points_[2 * i + 1].sustained, worse_);
    points_[i] = points_[2 * i + 1];
    points_[i].sustained = sustained;
  }
  points_.resize(points_.size() / 2);
  stride_ *= 2;
}

bool Baseline::is_warm(const BaselineShape& shape) const {
  return points_.size() >= least_points &&
         learned_ns_ >= static_cast<std::uint64_t>(shape.warmup.count());
}

const Reference& Baseline::reference() {
  if (!stale_) {
    return reference_;
  }
  stale_ = false;
  Scratch scratch{};
  const std::span<float> values = collect(points_, oldest_, &BaselinePoint::value, scratch);
  reference_.noise = noise_of(values);
  reference_.median = quantile_of(values, 0.5);
  reference_.low = quantile_of(values, 0.1);
  reference_.high = quantile_of(values, 0.9);
  const std::span<float> sustained = collect(points_, oldest_, &BaselinePoint::sustained, scratch);
  if (!sustained.empty()) {
    reference_.sustained = quantile_of(sustained, worse_ == wire::Direction::high ? 0.95 : 0.05);
  }
  const std::span<float> rates = collect(points_, oldest_, &BaselinePoint::rate, scratch);
  if (!rates.empty()) {
    reference_.rate_median = quantile_of(rates, 0.5);
    reference_.rate_high = quantile_of(rates, 0.85);
  }
  const std::span<float> loads = collect(points_, oldest_, &BaselinePoint::in_flight, scratch);
  if (!loads.empty()) {
    reference_.in_flight_low = quantile_of(loads, 0.15);
  }
  return reference_;
}

void Baseline::forget() { *this = Baseline{}; }

}  // namespace gala
