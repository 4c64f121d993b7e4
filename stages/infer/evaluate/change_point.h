// When did many series change together? For an incident that nobody gave a time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace gala::infer {

/// Where a recording falls into "before" and "since".
struct ChangePoint {
  /// First row of the new state.
  std::size_t row = 0;
  /// Gain in log-likelihood of the series that gain most, averaged, in nats for each row.
  double gain = 0;
};

/// The split into two means that explains the series best: for each the gain of a normal model with
/// two means over one, less the price of a parameter (the Bayesian information criterion); gains
/// are squared before they are added up, so that a few clear steps outweigh many slow drifts.
/// `series` have one length, NaN where there is no value. Nothing when no split gains anything.
std::optional<ChangePoint> find_change(std::span<const std::vector<double>> series);

}  // namespace gala::infer
