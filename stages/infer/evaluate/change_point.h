// Finds when many series changed together, for an incident whose time nobody knows.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace gala::infer {

/// The split of a recording into before and since.
struct ChangePoint {
  /// First row of the new state.
  std::size_t row = 0;
  /// Mean gain in log-likelihood of the series that gain most, in nats for each row.
  double gain = 0;
};

/// Finds the split into two means that explains the series best. For each series it takes the gain
/// of a normal model with two means over one, less the price of a parameter (the Bayesian
/// information criterion). It squares the gains before it adds them, so that a few clear steps
/// outweigh many slow drifts. `series` have one length, with NaN for missing values. Nothing if no
/// split gains anything.
std::optional<ChangePoint> find_change(std::span<const std::vector<double>> series);

}  // namespace gala::infer
