// From an abnormal KPI along the model's causes over the topology: which series can have caused it.
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
  /// How much later than the KPI a cause's series may bend: where windows are smoothed or the time
  /// is a guess. 0 = one window.
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
  /// With the KPI; nothing when they share too few windows.
  std::optional<double> correlation;
  std::size_t depth = 0;
  /// What it acts together with (EvidenceMethod::group_of), or the entity alone.
  std::string group;
  /// The service that it belongs to with others like it (workers of one server), or "".
  std::string service;
  /// How many of the group are abnormal under the rule, and the sum of their levels.
  std::size_t group_size = 1;
  double group_level = 0;
  /// How its deviation compares with the largest of all candidates', on a logarithmic scale, 0…1.
  double standing = 1;
};

/// "cause can have made effect worse", both positions in Candidates::series.
struct CauseLink {
  std::size_t effect = 0;
  std::size_t cause = 0;
  const Cause* rule = nullptr;
  /// How the beginnings fit, 0…1.
  double order = 1;
  /// Change of this cause's group relative to the largest among the rule's candidates, 0…1.
  double share = 1;
  /// How much of the effect's change this cause's change can make up, 0…1 (Exposure::covers).
  double covered = 1;
  /// Which share of the effect's change this cause's change predicts by what both did before
  /// (regression.h); nothing when they were not seen to follow one another.
  std::optional<double> predicted = std::nullopt;
};

/// Something that was looked at and is no cause.
struct Dismissed {
  GraphIndex entity = 0;
  std::string metric;
  Finding finding = Finding::no_data;
};

/// What a walk found. `series[0]` is the KPI.
struct Candidates {
  std::vector<AbnormalSeries> series;
  std::vector<CauseLink> links;
  std::vector<Dismissed> dismissed;
  std::size_t looked_at = 0;
  /// The bound on candidates was reached; there may be more.
  bool truncated = false;
};

/// Everything the walk reads.
struct Surroundings {
  const Interest& interest;
  const Replica& graph;
  const History& history;
};

/// Breadth first, each series once. Deterministic. The spans point into the history.
Candidates find_candidates(const Surroundings& around, const Kpi& kpi);

}  // namespace gala::infer
