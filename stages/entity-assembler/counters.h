// Cumulative values → what happened in a window: differences, 32-bit wraps, resets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/core/batch.h"

namespace gala::entity_assembler {

/// What became of a counter between two readings.
struct Difference {
  enum class Kind : std::uint8_t { counted, wrapped, reset, nothing };
  /// NaN for `reset` and `nothing` (not measured).
  double value = not_measured;
  Kind kind = Kind::nothing;
};

/// What a 32-bit counter may gain in one window; no more is taken for a wrap.
inline constexpr double largest_wrapped_step = 1U << 30;

/// `before` is NaN when there was no reading. A value that fell is a 32-bit counter that wrapped
/// when that explains it by a plausible step, else a reset: then nobody knows what happened in
/// between.
inline Difference difference(double before, double now) {
  constexpr double wrap = 4'294'967'296.0;
  if (now >= before) {
    return {now - before, Difference::Kind::counted};
  }
  if (now < before) {
    const double wrapped = now + wrap - before;
    return before < wrap && wrapped < largest_wrapped_step
               ? Difference{wrapped, Difference::Kind::wrapped}
               : Difference{not_measured, Difference::Kind::reset};
  }
  return {};  // One of them was not measured.
}

/// The same for the counts of one bucket; a sum of 32-bit counters falls by 2^32 when one wraps.
struct BucketDifference {
  std::uint64_t value = 0;
  bool reset = false;
};
BucketDifference bucket_difference(std::uint64_t before, std::uint64_t now);

/// The largest value among the differences of a histogram's buckets: the source's own `maximum` as
/// far as these buckets allow it (an all-time maximum is cut to the highest bucket that grew); 0
/// when empty.
double window_maximum(std::span<const std::uint64_t> counts, std::span<const double> bounds,
                      double maximum);

}  // namespace gala::entity_assembler
