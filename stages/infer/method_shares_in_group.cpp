// shares_in_group: many processes of one program do together what none of them does alone, and they
// come and go. A group counts for what its members took while the effect suffered, less what they
// took before. Members that have ended count too.
#include <cmath>

#include "stages/infer/method.h"

namespace gala::infer {
namespace {

class SharesInGroup : public EvidenceMethod {
 public:
  [[nodiscard]] std::string group_of(const Hazard& hazard, const GraphNode& node) const override {
    const std::string_view value = node.label(hazard.together);
    std::string group(value.empty() ? node.id : node.machine);
    if (!value.empty()) {
      group.append(" ").append(node.entity).append(" ").append(value);
    }
    return group;
  }

  void weigh(std::span<Weighed> candidates, const GroupUse& uses) const override {
    GroupSums sums = sum_up(candidates);
    for (auto& [name, sum] : sums) {
      if (const auto taken = uses.of(name)) {
        sum.change = std::abs(taken->during - taken->before);
        sum.level = taken->during;
      }
    }
    share_out(candidates, sums);
    for (Weighed& candidate : candidates) {
      candidate.covered =
          candidate.adds_up ? explained(candidate, sums.at(candidate.group).change) : 1;
    }
  }
};

}  // namespace

const EvidenceMethod& shares_in_group_method() {
  static const SharesInGroup method;
  return method;
}

}  // namespace gala::infer
