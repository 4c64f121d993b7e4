// Writes the topology as messages: a snapshot of everything, or a delta of the changes.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/core/time.h"
#include "schemas/wire/envelope_generated.h"
#include "stages/topology/graph_store.h"
#include "stages/topology/rules.h"

namespace gala::topology {

/// The content of a message.
struct TopologyView {
  const RuleBook& book;
  const StringPool& pool;
  const GraphStore& graph;
};

/// Everything in one message, nodes sorted by id, edges by kind and ends.
std::vector<std::uint8_t> to_snapshot(const TopologyView& view, Instant now, std::uint64_t version);

/// An empty snapshot: everything follows in deltas.
std::vector<std::uint8_t> to_empty_snapshot(const TopologyView& view, Instant now,
                                            std::uint64_t version);

/// A delta. A node in `added_nodes` that consumers know has new labels. Removals come first, so an
/// id in both lists is a new entity with that id.
std::vector<std::uint8_t> to_delta(const TopologyView& view, const GraphStore::Changes& changes,
                                   Instant now, std::uint64_t version);

}  // namespace gala::topology
