// The topology as messages: a snapshot of everything, a delta of what changed.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/core/time.h"
#include "schemas/wire/envelope_generated.h"
#include "stages/topology/graph_store.h"
#include "stages/topology/rules.h"

namespace gala::topology {

/// What a message is about to say.
struct TopologyView {
  const RuleBook& book;
  const StringPool& pool;
  const GraphStore& graph;
};

/// Everything in one message, nodes sorted by id, edges by kind and ends.
std::vector<std::uint8_t> to_snapshot(const TopologyView& view, Instant now, std::uint64_t version);

/// A snapshot without content: everything follows in deltas.
std::vector<std::uint8_t> to_empty_snapshot(const TopologyView& view, Instant now,
                                            std::uint64_t version);

/// What consumers do not know yet. A node in `added_nodes` that they know has new labels; removals
/// come first, so an id in both lists is a new entity of that name.
std::vector<std::uint8_t> to_delta(const TopologyView& view, const GraphStore::Changes& changes,
                                   Instant now, std::uint64_t version);

}  // namespace gala::topology
