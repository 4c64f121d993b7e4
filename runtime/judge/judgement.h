// Judges one value by a check: limits with hysteresis, and deviation from the entity's own
// baseline.
#pragma once

#include "runtime/judge/alarm.h"
#include "runtime/judge/baseline.h"
#include "runtime/model/model.h"

namespace gala {

/// A verdict and its numbers for people, all finite.
struct Judgement {
  Verdict verdict = Verdict::normal;
  wire::Direction direction = wire::Direction::high;
  /// The edge, and the usual value (for a limit: the edge again).
  double limit = 0;
  double expected = 0;
  double expected_low = 0;
  double expected_high = 0;
  /// How far beyond the edge: 1 = exactly at it.
  double score = 0;
};

/// Requires: kind limit, a finite value.
Judgement judge_limit(const Check& check, double value);

/// Judges in logarithms, because latencies and rates vary by factors. A value is abnormal when it
/// is beyond all of these (direction high; low is the mirror image):
///   median · (1 + least_change)      enough to matter
///   usual · √(1 + least_change)      beyond the busier of two ordinary levels, beyond a ramp
///   usual + (factor − 1.28) σ        beyond noise: median + factor·σ of a normal distribution
///   `above`                          large enough for anybody to notice
/// where usual is the 90 % quantile or the level that was sustained before, whichever is worse.
///
/// The edge moves out with the load, where it is known: by (rate / usual high rate)² when more
/// requests come than usual (queues grow with load), and by usual low / requests in flight when
/// less work is in the system than usual (nobody waits for a slow server then; an idle one is slow
/// to wake up). A server that becomes slow keeps as much or more in flight: no fault is excused.
/// Requires: kind deviation, a warm baseline, a finite value.
Judgement judge_deviation(const Check& check, const Reference& reference,
                          const BaselinePoint& point);

}  // namespace gala
