// The topology as it was at a time, from recorded snapshots and deltas.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/core/result.h"
#include "runtime/topology/replica.h"

namespace gala {

/// What was known at a time.
struct TopologyMoment {
  Replica replica;
  /// Of the last message applied: Unix milliseconds; 0 = none yet.
  std::int64_t time_ms = 0;
};

/// A relation by the positions of its ends.
struct KnownRelation {
  Replica::Index from = 0;
  Replica::Kind kind = 0;
  Replica::Index to = 0;
};

/// Some of a moment's entities and relations, sorted by ids, so that equal topologies print alike.
/// Requires: the moment outlives it and stays where it is.
struct TopologyPart {
  const TopologyMoment& of;
  std::vector<Replica::Index> entities;
  std::vector<KnownRelation> relations;

  [[nodiscard]] Replica::Node node(Replica::Index index) const { return of.replica.node(index); }
  [[nodiscard]] std::string_view id(Replica::Index index) const { return node(index).id; }
  [[nodiscard]] std::string_view word(const KnownRelation& relation) const {
    return of.replica.kind_word(relation.kind);
  }
  /// from, relation, to.
  [[nodiscard]] std::tuple<std::string_view, std::string_view, std::string_view> texts(
      const KnownRelation& relation) const {
    return {id(relation.from), word(relation), id(relation.to)};
  }
  /// Requires: both ends of each relation are among the entities.
  void sort();
};

TopologyPart everything(const TopologyMoment& moment);
/// Only what is at most `depth` relations away from `entity_id`.
TopologyPart around(const TopologyMoment& moment, std::string_view entity_id, int depth);

/// What was known at the end of `at_ms` (Unix milliseconds), from a recording and its rotated
/// predecessors (<path>.N). Several producers' messages are not told apart.
Result<TopologyMoment> topology_at(const std::string& path, std::int64_t at_ms);

}  // namespace gala
