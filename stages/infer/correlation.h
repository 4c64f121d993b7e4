// Do two series move together around the time when one of them bent, allowing the cause to lead?
#pragma once

#include <optional>
#include <span>

#include "stages/infer/history.h"

namespace gala::infer {

/// A series and which of its directions is the bad one.
struct Oriented {
  std::span<const Sample> samples;
  wire::Direction direction = wire::Direction::high;
  /// Windows without a value count as zero (an entity that did not exist yet).
  bool absent_is_zero = false;
};

/// The stretch of time that is compared.
struct Stretch {
  Moment bent;
  Moment until;
  Duration window{0};
};

/// Pearson correlation of the compressed robust deviations, −1…1, the best of the cause leading by
/// 0…3 windows or lagging by one (sources sample at different instants). Nothing when fewer than
/// six windows have both values.
std::optional<double> correlate(const Oriented& cause, const Oriented& effect,
                                const Stretch& stretch);

/// Mean of the cause's values over the windows since the KPI bent, weighted by the effect's change
/// in each: what there was of it while the effect suffered. Nothing when the effect shows no
/// change.
std::optional<double> mean_while(const Oriented& cause, const Oriented& effect, double usual_effect,
                                 const Stretch& stretch);

/// Mean of the values over the windows from `observed` until the KPI bent, less the last `guard` of
/// them; windows without a value count as zero.
double mean_before(const Oriented& cause, Duration guard, Moment observed, const Stretch& stretch);

}  // namespace gala::infer
