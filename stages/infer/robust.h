// Robust figures of a series: median, spread, quantiles.
#pragma once

#include <span>
#include <vector>

namespace gala::infer {

/// The usual level and the usual spread of a series.
struct Robust {
  double median = 0;
  /// In units of a standard deviation: from the median absolute deviation or the 20–80 % range,
  /// whichever is larger; 0 for a constant series.
  double spread = 0;
};

/// Value below which a share `q` lies, linear between neighbours. Requires: not empty, sorted.
double sorted_quantile(std::span<const double> sorted, double q);

/// Requires: not empty, finite.
Robust robust_of(std::vector<double> values);

/// The least spread that measures a change to `level`. Without it the first small change of a
/// constant series would be an infinite deviation. A twentieth of the larger level needs no unit,
/// and lets a jump from zero count 20.
double spread_floor(double median, double level);

/// The same for a chosen share of the usual level alone, so that deviations have no upper bound. A
/// series that never left zero is measured as above.
double spread_floor(double median, double level, double share);

/// Distance from the median that one of fifty values exceeds, in standard deviations of a normal
/// distribution. Requires: not empty, finite.
double tail_spread(std::vector<double> values, double median);

}  // namespace gala::infer
