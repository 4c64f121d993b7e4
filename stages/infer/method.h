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

/// One candidate of a rule: its change, and its weight among the others of the rule.
struct Weighed {
  /// Candidates with the same group act together (AbnormalSeries::group).
  std::string group;
  double change = 0;
  double level = 0;
  /// Cause and effect add up (Exposure::covers). A change of `wanted` explains the whole effect; 0
  /// = unknown.
  bool adds_up = false;
  double wanted = 0;

  /// See CauseLink and AbnormalSeries.
  double share = 1;
  double covered = 1;
  std::size_t group_size = 1;
  double group_level = 0;
};

/// Pure. The base class is the method `level`.
class EvidenceMethod {
 public:
  EvidenceMethod() = default;
  EvidenceMethod(const EvidenceMethod&) = delete;
  EvidenceMethod& operator=(const EvidenceMethod&) = delete;
  virtual ~EvidenceMethod() = default;

  /// Did the series leave its baseline?
  [[nodiscard]] virtual Verdict judge(std::span<const Sample> samples,
                                      const Question& question) const;
  /// The group that the candidate acts with, or its own id.
  [[nodiscard]] virtual std::string group_of(const Hazard& hazard, const GraphNode& node) const;
  /// Weighs the candidates of one rule against each other. `uses` says what groups took.
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
/// Gives the largest share to the group that changed most.
void share_out(std::span<Weighed> candidates, const GroupSums& sums);
/// Share of the effect that a change explains, 0…1.
double explained(const Weighed& candidate, double change);

}  // namespace gala::infer
