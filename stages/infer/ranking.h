// Which of the candidates is the cause: one score for each root, and the path from it to the KPI.
#pragma once

#include <cstddef>
#include <vector>

#include "stages/infer/candidate_walk.h"

namespace gala::infer {

/// A root cause: nothing beneath explains it.
struct RankedCause {
  /// Position in Candidates::series.
  std::size_t root = 0;
  /// 0…1.
  double score = 0;
  /// Something beneath explains it.
  bool explained = false;
  /// Positions in Candidates::links, from the root to the KPI.
  std::vector<std::size_t> path;
};

/// Strength of a link, 0…1: the rule's prior, how abnormal the cause is, time order, correlation
/// with the KPI, deviation among all, share among its like. The weaker the prior, the more the
/// evidence weighs.
double strength_of(const CauseLink& link, const AbnormalSeries& cause);

struct RankingOptions {
  std::size_t top_k = 3;
  /// The KPI's entity, its process, container and pod: causes there are "the application itself".
  std::vector<GraphIndex> own;
  /// Also name, below the roots, what a deeper cause explains.
  bool with_explained = false;
};

/// Best first, distinct entities and groups. Deterministic: ties go to the series found first.
std::vector<RankedCause> rank(const Candidates& candidates, const RankingOptions& options);

}  // namespace gala::infer
