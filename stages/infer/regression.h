// Predicts a change from another one, by their common past while all was well.
#pragma once

#include <optional>
#include <span>

#include "stages/infer/history.h"

namespace gala::infer {

/// A series and its change in question.
struct ChangedSeries {
  std::span<const Sample> samples;
  double baseline = 0;
  double level = 0;
};

/// Regresses the effect on its cause over the windows before `healthy_until` and applies the result
/// to the cause's change. Returns the predicted share of the effect's change, 0…1. Returns nothing
/// if the two have too few windows in common or did not follow each other, since most causes lie
/// still until they strike. Ordinary least squares with one parent at a time, after the regression-
/// based hypothesis test of Li et al., "Causal Inference-Based Root Cause Analysis for Online
/// Service Systems with Intervention Recognition" (KDD 2022), section 4.3.
std::optional<double> predicted_share(const ChangedSeries& cause, const ChangedSeries& effect,
                                      Moment healthy_until, Duration window);

}  // namespace gala::infer
