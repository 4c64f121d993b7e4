// part_of_a_sum: cause and effect have one unit and add up. A cause whose change is far smaller
// than the effect's explains little, however many others there are.
#include "stages/infer/method.h"

namespace gala::infer {
namespace {

class PartOfASum : public EvidenceMethod {
 public:
  void weigh(std::span<Weighed> candidates, const GroupUse& uses) const override {
    EvidenceMethod::weigh(candidates, uses);
    for (Weighed& candidate : candidates) {
      if (candidate.adds_up) {
        candidate.share = 1;
        candidate.covered = explained(candidate, candidate.change);
      }
    }
  }
};

}  // namespace

const EvidenceMethod& part_of_a_sum_method() {
  static const PartOfASum method;
  return method;
}

}  // namespace gala::infer
