// Differences of histograms.
#include "stages/entity-assembler/counters.h"

#include <algorithm>
#include <cmath>

namespace gala::entity_assembler {
namespace {

constexpr std::uint64_t wrap = std::uint64_t{1} << 32;
constexpr auto largest_step = static_cast<std::uint64_t>(largest_wrapped_step);

}  // namespace

BucketDifference bucket_difference(std::uint64_t before, std::uint64_t now) {
  if (now >= before) {
    return {now - before, false};
  }
  const std::uint64_t fallen = before - now;
  if (fallen < wrap && wrap - fallen < largest_step) {
    return {wrap - fallen, false};
  }
  return {0, true};
}

double window_maximum(std::span<const std::uint64_t> counts, std::span<const double> bounds,
                      double maximum) {
  for (std::size_t i = std::min(counts.size(), bounds.size()); i-- > 0;) {
    if (counts[i] == 0) {
      continue;
    }
    const double low = i == 0 ? 0.0 : bounds[i - 1];
    return std::isfinite(maximum) ? std::min(std::max(maximum, low), bounds[i]) : low;
  }
  return 0;
}

}  // namespace gala::entity_assembler
