// Do two series move together around the time when one of them bent? The cause may lead.
#pragma once

#include <optional>
#include <span>

#include "stages/infer/history.h"

namespace gala::infer {

/// A series and its bad direction.
struct Oriented {
  std::span<const Sample> samples;
  wire::Direction direction = wire::Direction::high;
  /// Windows without a value count as zero, because the entity did not exist yet.
  bool absent_is_zero = false;
};

/// The time to compare.
struct Stretch {
  Moment bent;
  Moment until;
  Duration window{0};
};

/// Pearson correlation of the compressed robust deviations, −1…1. Tries the cause leading by 0…3
/// windows and lagging by one, because sources sample at different instants, and takes the best.
/// Nothing if fewer than six windows have both values.
std::optional<double> correlate(const Oriented& cause, const Oriented& effect,
                                const Stretch& stretch);

/// Mean of the cause's values since the KPI bent, each window weighted by the effect's change: what
/// the cause took while the effect suffered. Nothing if the effect shows no change.
std::optional<double> mean_while(const Oriented& cause, const Oriented& effect, double usual_effect,
                                 const Stretch& stretch);

/// Mean of the values from `observed` until the KPI bent, without the last `guard`. Windows without
/// a value count as zero.
double mean_before(const Oriented& cause, Duration guard, Moment observed, const Stretch& stretch);

}  // namespace gala::infer
