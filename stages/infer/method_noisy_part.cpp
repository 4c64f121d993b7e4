// noisy_part: a part of a sum in foreign metrics, whose noise nobody describes. What happened in
// one of fifty windows before is usual. No shipped model uses it; `gala eval` does.
#include "stages/infer/method.h"
#include "stages/infer/robust.h"

namespace gala::infer {
namespace {

class NoisyPart : public EvidenceMethod {
 public:
  [[nodiscard]] Verdict judge(std::span<const Sample> samples,
                              const Question& question) const override {
    Question noisy = question;
    noisy.outliers = tail_spread;
    return infer::judge(samples, noisy);
  }

  void weigh(std::span<Weighed> candidates, const GroupUse& uses) const override {
    part_of_a_sum_method().weigh(candidates, uses);
  }
};

}  // namespace

const EvidenceMethod& noisy_part_method() {
  static const NoisyPart method;
  return method;
}

}  // namespace gala::infer
