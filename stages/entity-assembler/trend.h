// How fast a value grows: the median of the slopes between all pairs of samples (Theil 1950, Sen
// 1968), which neither a few outliers nor single jumps move.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace gala::entity_assembler {

/// A value at a time, in s.
struct TimedValue {
  double at_s = 0;
  double value = 0;
};

struct Slope {
  double per_second = 0;
  /// Pairs that rise minus pairs that fall, of all pairs: 1 = it only grows, 0 = no direction
  /// (Kendall's tau, Mann 1945).
  double agreement = 0;
};

/// Quadratic in the number of samples; nothing for fewer than two times.
std::optional<Slope> robust_slope(std::span<const TimedValue> samples);

/// The time until `room` is used up at this pace, at most `horizon_s`, which also stands for no
/// clear growth. Not measured when `room` is not.
double seconds_until_used_up(const Slope& slope, double room, double horizon_s);

/// One series, thinned out to 24 samples over its span.
class Trend {
 public:
  /// Times must not go backwards; what comes sooner after the last kept sample than a 24th of
  /// `span_s` is left out.
  void add(double at_s, double value, double span_s);
  /// Nothing until half of the span is covered by 8 samples or more.
  [[nodiscard]] const std::optional<Slope>& slope() const { return slope_; }

 private:
  std::vector<TimedValue> samples_;
  std::optional<Slope> slope_;
};

}  // namespace gala::entity_assembler
