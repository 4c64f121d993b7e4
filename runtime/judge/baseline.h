// The baseline of one quantity of one entity: a bounded sample of its recent normal windows.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "runtime/core/time.h"
#include "schemas/wire/event_generated.h"

namespace gala {

/// One window in natural logarithms: the value, requests per second, and requests in flight. NaN is
/// unknown; the value is always finite.
struct BaselinePoint {
  float value = 0;
  float rate = std::numeric_limits<float>::quiet_NaN();
  float in_flight = std::numeric_limits<float>::quiet_NaN();
  /// The worst level that held for three windows in a row since the last point. Baseline fills it
  /// in.
  float sustained = std::numeric_limits<float>::quiet_NaN();
};

/// Parameters of a baseline: how far back it looks, its warm-up, and the bad direction. It does not
/// learn the first half of the warm-up, in which an application settles.
struct BaselineShape {
  Duration span{0};
  Duration warmup{0};
  wire::Direction worse = wire::Direction::high;
};

/// Logarithm for points: zero, negative and NaN count as the smallest positive amount.
float log_of(double amount);
/// The amount of a point's logarithm; that of the smallest amount is 0.
double amount_of(double logarithm);

/// Robust summary of the baseline, in logarithms.
struct Reference {
  float median = 0;
  /// 10 % and 90 % quantile: the range of ordinary values, also if there are two ordinary levels.
  float low = 0;
  float high = 0;
  /// A worse level than this held for three windows in a row only in 5 % of the time; NaN =
  /// unknown.
  float sustained = std::numeric_limits<float>::quiet_NaN();
  /// Standard deviation of the noise between neighbouring windows.
  float noise = 0;
  /// Median and 85 % quantile of the rate, 15 % quantile of the requests in flight; NaN = unknown.
  /// They are nearer to the middle than the quantiles of the value: a new load is usual only when
  /// some of its values are in the baseline.
  float rate_median = std::numeric_limits<float>::quiet_NaN();
  float rate_high = std::numeric_limits<float>::quiet_NaN();
  float in_flight_low = std::numeric_limits<float>::quiet_NaN();
};

/// Keeps at most `capacity` points, spread evenly over the learned time. While the history is short
/// it keeps every window. Each time it is full it drops every second point and takes points half as
/// often, until the points span the whole baseline. Then it overwrites the oldest. 2.6 kB when
/// full.
///
/// Location is the median, spread the 10 % and 90 % quantiles: breakdown points .5 and .1 (P. J.
/// Huber, Robust Statistics, 1981). Noise is the median absolute difference of neighbours, scaled
/// to a normal distribution: the difference-based estimator of J. von Neumann (1941), made robust
/// as in P. Hall, J. W. Kay, D. M. Titterington (Biometrika 77, 1990). Ramps and changes of level
/// do not affect it.
class Baseline {
 public:
  static constexpr std::size_t capacity = 128;

  /// Adds a normal window.
  void learn(const BaselinePoint& point, std::uint64_t window_ns, const BaselineShape& shape);
  /// Time learned since the beginning or the last `forget`.
  [[nodiscard]] std::uint64_t learned_ns() const { return learned_ns_; }
  [[nodiscard]] bool is_warm(const BaselineShape& shape) const;
  /// Requires: it has learned something.
  [[nodiscard]] const Reference& reference();
  void forget();

 private:
  void note_sustained(float value);
  void keep(BaselinePoint point, std::uint64_t wanted);
  void oldest_first();
  void thin_out();

  /// Oldest first until all places are taken, then a ring that begins at `oldest_`.
  std::vector<BaselinePoint> points_;
  Reference reference_;
  std::uint64_t learned_ns_ = 0;
  std::uint32_t oldest_ = 0;
  /// Keeps one window of `stride_`; `skipped_` since the last one kept.
  std::uint32_t stride_ = 1;
  std::uint32_t skipped_ = 0;
  /// The two values before, and the worst sustained level since the last point kept.
  float before_ = std::numeric_limits<float>::quiet_NaN();
  float before_that_ = std::numeric_limits<float>::quiet_NaN();
  float sustained_ = std::numeric_limits<float>::quiet_NaN();
  wire::Direction worse_ = wire::Direction::high;
  bool stale_ = true;
};

}  // namespace gala
