// What is usual for one quantity of one entity: a bounded sample of its recent normal windows.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "runtime/core/time.h"
#include "schemas/wire/event_generated.h"

namespace gala {

/// One window in natural logarithms: the value, requests per second, and requests in flight. A NaN
/// is "not known"; the value is always finite.
struct BaselinePoint {
  float value = 0;
  float rate = std::numeric_limits<float>::quiet_NaN();
  float in_flight = std::numeric_limits<float>::quiet_NaN();
  /// The worst level that three windows in a row kept up, since the point before; Baseline fills it
  /// in.
  float sustained = std::numeric_limits<float>::quiet_NaN();
};

/// What a baseline is of: how far back it looks, its warm-up (the first half of which an
/// application needs to settle and is not learned), and which side is the bad one.
struct BaselineShape {
  Duration span{0};
  Duration warmup{0};
  wire::Direction worse = wire::Direction::high;
};

/// The logarithm that points are made of: zero, negative and NaN become the smallest positive
/// amount.
float log_of(double amount);

/// Robust summary of the baseline, in logarithms.
struct Reference {
  float median = 0;
  /// 10 % and 90 % quantile: where ordinary values stop, also when there are two ordinary levels.
  float low = 0;
  float high = 0;
  /// 5 % of the time it was worse than that for three windows in a row; NaN = not known.
  float sustained = std::numeric_limits<float>::quiet_NaN();
  /// Standard deviation of the noise between neighbouring windows.
  float noise = 0;
  /// Median and 85 % quantile of the rate, 15 % quantile of the requests in flight; NaN = not
  /// known. Nearer to the middle than those of the value: a new load is usual only when some of its
  /// values are.
  float rate_median = std::numeric_limits<float>::quiet_NaN();
  float rate_high = std::numeric_limits<float>::quiet_NaN();
  float in_flight_low = std::numeric_limits<float>::quiet_NaN();
};

/// At most `capacity` points, evenly spread over the time that was learned: while the history is
/// short every window is kept; each time the room is full every second point goes and points are
/// taken half as often, until the room spans the whole baseline; then the oldest is
/// overwritten. 2.6 kB when full.
///
/// Location is the median, spread the 10 % and 90 % quantiles: breakdown points .5 and .1 (P. J.
/// Huber, Robust Statistics, 1981). Noise is the median absolute difference of neighbours, scaled
/// to a normal distribution: the difference-based estimator of J. von Neumann (1941) made robust as
/// in P. Hall, J. W. Kay, D. M. Titterington (Biometrika 77, 1990); ramps and changes of level
/// leave it alone.
class Baseline {
 public:
  static constexpr std::size_t capacity = 128;

  /// Adds a normal window.
  void learn(const BaselinePoint& point, std::uint64_t window_ns, const BaselineShape& shape);
  /// Time learned since the beginning or the last `forget`.
  [[nodiscard]] std::uint64_t learned_ns() const { return learned_ns_; }
  [[nodiscard]] bool is_warm(const BaselineShape& shape) const;
  /// Requires: something was learned.
  [[nodiscard]] const Reference& reference();
  void forget();

 private:
  void note_sustained(float value);
  void keep(BaselinePoint point, std::uint64_t wanted);
  void oldest_first();
  void thin_out();

  /// Oldest first until the room is full for good, then a ring that begins at `oldest_`.
  std::vector<BaselinePoint> points_;
  Reference reference_;
  std::uint64_t learned_ns_ = 0;
  std::uint32_t oldest_ = 0;
  /// One window of `stride_` is kept; `skipped_` since the last one kept.
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
