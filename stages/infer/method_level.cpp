// level: a series leaves its baseline. Among several, the one that changed most weighs most.
#include "stages/infer/method.h"

namespace gala::infer {

Verdict EvidenceMethod::judge(std::span<const Sample> samples, const Question& question) const {
  return infer::judge(samples, question);
}

std::string EvidenceMethod::group_of(const Hazard& /*hazard*/, const GraphNode& node) const {
  return std::string(node.id);
}

void EvidenceMethod::weigh(std::span<Weighed> candidates, const GroupUse& /*uses*/) const {
  share_out(candidates, sum_up(candidates));
}

const EvidenceMethod& level_method() {
  static const EvidenceMethod method;
  return method;
}

}  // namespace gala::infer
