// Ranks the candidates: one score for each root, and its path to the KPI.
#pragma once

#include <cstddef>
#include <vector>

#include "stages/infer/candidate_walk.h"

namespace gala::infer {

/// A root cause: no deeper cause explains it.
struct RankedCause {
  /// Position in Candidates::series.
  std::size_t root = 0;
  /// 0…1.
  double score = 0;
  /// A deeper cause explains it.
  bool explained = false;
  /// Positions in Candidates::links, from the root to the KPI.
  std::vector<std::size_t> path;
};

/// Strength of a link, 0…1: the rule's prior times the evidence, which is how abnormal the cause
/// is, time order, correlation with the KPI, deviation among all, and share in its group. The
/// weaker the prior, the more the evidence weighs.
double strength_of(const CauseLink& link, const AbnormalSeries& cause);

struct RankingOptions {
  std::size_t top_k = 3;
  /// The KPI's entity and its process, container and pod: causes there are "the application
  /// itself".
  std::vector<GraphIndex> own;
  /// Also names, below the roots, causes that a deeper cause explains.
  bool with_explained = false;
};

/// Best first, each entity and group once. Deterministic: of equal scores the series found first
/// wins.
std::vector<RankedCause> rank(const Candidates& candidates, const RankingOptions& options);

}  // namespace gala::infer
