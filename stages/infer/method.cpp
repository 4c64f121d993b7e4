// Finds methods by name, and holds what several of them share.
#include "stages/infer/method.h"

#include <algorithm>

namespace gala::infer {

const EvidenceMethod& method_of(Method method) {
  switch (method) {
    case Method::part_of_a_sum:
      return part_of_a_sum_method();
    case Method::shares_in_group:
      return shares_in_group_method();
    case Method::appears:
      return appears_method();
    case Method::noisy_part:
      return noisy_part_method();
    case Method::level:
      break;
  }
  return level_method();
}

GroupSums sum_up(std::span<const Weighed> candidates) {
  GroupSums sums;
  for (const Weighed& candidate : candidates) {
    GroupSum& sum = sums[candidate.group];
    sum.change += candidate.change;
    sum.level += candidate.level;
    ++sum.size;
  }
  return sums;
}

void share_out(std::span<Weighed> candidates, const GroupSums& sums) {
  double largest = 0;
  for (const auto& [name, sum] : sums) {
    largest = std::max(largest, sum.change);
  }
  for (Weighed& candidate : candidates) {
    const GroupSum& sum = sums.at(candidate.group);
    candidate.share = largest > 0 ? sum.change / largest : 1;
    candidate.group_size = sum.size;
    candidate.group_level = sum.level;
  }
}

double explained(const Weighed& candidate, double change) {
  return candidate.wanted > 0 ? std::min(1.0, change / candidate.wanted) : 1.0;
}

}  // namespace gala::infer
