// Walks from an abnormal KPI along the rules over the topology and finds the series that can be its
// cause.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "stages/infer/abnormality.h"
#include "stages/infer/history.h"
#include "stages/infer/interest.h"
#include "stages/infer/walk.h"

namespace gala::infer {

/// The abnormal KPI.
struct Kpi {
  GraphIndex entity = 0;
  std::string metric;
  Statistic statistic = Statistic::value;
  wire::Direction direction = wire::Direction::high;
  Moment bent;
  Moment until;
  Duration window{0};
  /// A cause's series may bend that much later than the KPI, for smoothed windows and guessed
  /// times. 0 = one window.
  Duration slack{0};
};

/// An abnormal series of an entity: the KPI itself (the first) or a candidate cause.
struct AbnormalSeries {
  GraphIndex entity = 0;
  std::string metric;
  Statistic statistic = Statistic::value;
  wire::Direction direction = wire::Direction::high;
  std::span<const Sample> samples;
  Verdict verdict;
  /// Correlation with the KPI; nothing if they share too few windows.
  std::optional<double> correlation;
  std::size_t depth = 0;
  /// The group that it acts with (EvidenceMethod::group_of), or its own id.
  std::string group;
  /// The service that it shares with others like it (workers of one server), or "".
  std::string service;
  /// Members of the group that are abnormal under the rule, and the sum of their levels.
  std::size_t group_size = 1;
  double group_level = 0;
  /// Its deviation relative to the largest of all candidates, on a logarithmic scale, 0…1.
  double standing = 1;
};

/// "`cause` can make `effect` worse": both are positions in Candidates::series.
struct CauseLink {
  std::size_t effect = 0;
  std::size_t cause = 0;
  const Cause* rule = nullptr;
  /// How well the beginnings fit, 0…1 (order_of).
  double order = 1;
  /// Change of the cause's group relative to the largest group of the rule, 0…1.
  double share = 1;
  /// Share of the effect's change that the cause's change can make up, 0…1 (Exposure::covers).
  double covered = 1;
  /// Share of the effect's change that the cause's change predicts by their common past
  /// (regression.h); nothing if they did not follow each other.
  std::optional<double> predicted = std::nullopt;
};

/// A series that was judged and is no cause.
struct Dismissed {
  GraphIndex entity = 0;
  std::string metric;
  Finding finding = Finding::no_data;
};

/// The result of a walk. `series[0]` is the KPI.
struct Candidates {
  std::vector<AbnormalSeries> series;
  std::vector<CauseLink> links;
  std::vector<Dismissed> dismissed;
  std::size_t looked_at = 0;
  /// The walk reached its bound; there may be more candidates.
  bool truncated = false;
};

/// What the walk reads.
struct Surroundings {
  const Interest& interest;
  const Replica& graph;
  const History& history;
};

/// Searches breadth first and takes each series once. Deterministic. The spans point into the
/// history.
Candidates find_candidates(const Surroundings& around, const Kpi& kpi);

}  // namespace gala::infer
