// The topology as it was at a time, from recorded snapshots and deltas.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/core/result.h"
#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala {

/// An entity with its keys and labels.
struct KnownEntity {
  std::string entity;
  std::string machine_id;
  std::map<std::string, std::string> labels;
};

/// from, relation, to.
using KnownRelation = std::tuple<std::string, std::string, std::string>;

/// Sorted, so that equal topologies print alike.
struct TopologyState {
  std::map<std::string, KnownEntity> entities;
  std::set<KnownRelation> relations;
  /// Of the last message applied: Unix milliseconds; 0 = none yet.
  std::int64_t time_ms = 0;
  std::uint64_t version = 0;
  /// No snapshot yet, or a delta is missing since.
  bool complete = false;

  void apply(const wire::TopologySnapshot& snapshot);
  /// A delta that does not follow makes the state incomplete until the next snapshot.
  void apply(const wire::TopologyDelta& delta);
  /// Only what is at most `depth` relations away from `entity_id`.
  [[nodiscard]] TopologyState around(const std::string& entity_id, int depth) const;
};

/// What a history holds.
struct HistoryRange {
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

/// The state at the end of `at_ms` (Unix milliseconds), from a recording and its rotated
/// predecessors (<path>.N). `range` tells what the history covers. Several producers' messages are
/// not told apart.
Result<TopologyState> topology_at(const std::string& path, std::int64_t at_ms, HistoryRange& range);

}  // namespace gala
