// The topology as messages: a snapshot of everything, a delta of what changed.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/time.h"
#include "schemas/wire/envelope_generated.h"
#include "stages/topology/graph_store.h"
#include "stages/topology/rules.h"

namespace gala {

/// What a message is about to say.
struct TopologyView {
  const RuleBook& book;
  const StringPool& pool;
  const GraphStore& graph;
};

/// One message of a snapshot.
struct SnapshotPart {
  wire::MessageType type = wire::MessageType::topology_snapshot;
  std::vector<std::uint8_t> payload;
};

/// How much one message holds at most.
struct PartLimits {
  std::size_t nodes = 100'000;
  std::size_t edges = 1'000'000;
  /// Edges of a delta, which names the ids of their ends.
  std::size_t named_edges = 200'000;
};

/// Everything, nodes sorted by id, edges by kind and ends. What does not fit into one message
/// follows in deltas. `version` is that of the message before; it counts up by one for each part.
std::vector<SnapshotPart> to_snapshot(const TopologyView& view, Instant now, std::uint64_t& version,
                                      const PartLimits& limits = {});

/// What consumers do not know yet. A node in `added_nodes` that they know has new labels; removals
/// come first, so an id in both lists is a new entity of that name.
std::vector<std::uint8_t> to_delta(const TopologyView& view, const GraphStore::Changes& changes,
                                   Instant now, std::uint64_t version);

}  // namespace gala
