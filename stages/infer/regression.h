// How much of a change does another one predict, by what both did while all was well?
#pragma once

#include <optional>
#include <span>

#include "stages/infer/history.h"

namespace gala::infer {

/// A series, and its change that is in question.
struct ChangedSeries {
  std::span<const Sample> samples;
  double baseline = 0;
  double level = 0;
};

/// The regression of the effect on its cause over the windows before `healthy_until`, applied to
/// the cause's change: which share of the effect's change that is, 0…1. Nothing when they were not
/// seen together often enough, or did not follow one another then: most causes lie still until they
/// strike. Ordinary least squares with one parent at a time, after the regression-based hypothesis
/// test of Li et al., "Causal Inference-Based Root Cause Analysis for Online Service Systems with
/// Intervention Recognition" (KDD 2022), section 4.3.
std::optional<double> predicted_share(const ChangedSeries& cause, const ChangedSeries& effect,
                                      Moment healthy_until, Duration window);

}  // namespace gala::infer
