// How the evidence for a hazard is weighed. The model names a method, each has a file of its own.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "stages/infer/abnormality.h"
#include "stages/infer/group_use.h"
#include "stages/infer/walk.h"

namespace gala::infer {

/// One candidate of a rule beside the others of the rule: what it did, then what it weighs.
struct Weighed {
  /// Who acts together has the same (AbnormalSeries::group).
  std::string group;
  double change = 0;
  double level = 0;
  /// Cause and effect add up (Exposure::covers); this change explains all of the effect, 0 =
  /// unknown.
  bool adds_up = false;
  double wanted = 0;

  /// See CauseLink and AbnormalSeries.
  double share = 1;
  double covered = 1;
  std::size_t group_size = 1;
  double group_level = 0;
};

/// Pure. What is not overridden is the method `level`.
class EvidenceMethod {
 public:
  EvidenceMethod() = default;
  EvidenceMethod(const EvidenceMethod&) = delete;
  EvidenceMethod& operator=(const EvidenceMethod&) = delete;
  virtual ~EvidenceMethod() = default;

  /// Did the series leave what is usual?
  [[nodiscard]] virtual Verdict judge(std::span<const Sample> samples,
                                      const Question& question) const;
  /// With whom the candidate acts together; its own id when with nobody.
  [[nodiscard]] virtual std::string group_of(const Hazard& hazard, const GraphNode& node) const;
  /// Weighs the candidates of one rule against each other. `uses` knows what groups took.
  virtual void weigh(std::span<Weighed> candidates, const GroupUse& uses) const;
};

const EvidenceMethod& method_of(Method method);

const EvidenceMethod& level_method();
const EvidenceMethod& part_of_a_sum_method();
const EvidenceMethod& shares_in_group_method();
const EvidenceMethod& appears_method();
const EvidenceMethod& noisy_part_method();

/// What the candidates of a group did together.
struct GroupSum {
  double change = 0;
  double level = 0;
  std::size_t size = 0;
};
using GroupSums = std::map<std::string, GroupSum>;
GroupSums sum_up(std::span<const Weighed> candidates);
/// Among the candidates those weigh most whose group changed most.
void share_out(std::span<Weighed> candidates, const GroupSums& sums);
/// How much of the effect a change explains, 0…1.
double explained(const Weighed& candidate, double change);

}  // namespace gala::infer
