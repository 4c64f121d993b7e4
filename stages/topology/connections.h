// Indirect relations: when two connections are peers, the outermost owners of both ends are
// connected.
#pragma once

#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "stages/topology/graph_store.h"
#include "stages/topology/rules.h"

namespace gala {

/// Keeps the derived relations current from what changed in the direct ones.
class Connections {
 public:
  Connections(const RuleBook& book, GraphStore& graph);

  /// Works off the edges that came or went since the last call.
  void update();
  /// Is `kind` derived here (and so not the join's to remove)?
  [[nodiscard]] bool derives(std::size_t kind) const;

 private:
  [[nodiscard]] bool climbs(const TopologyEdge& edge, NodeIndex from) const;
  [[nodiscard]] std::optional<NodeIndex> outermost_owner(NodeIndex node) const;
  [[nodiscard]] std::optional<EdgeKey> derived_from(const EdgeKey& peer) const;
  void collect_peers(NodeIndex node, std::unordered_set<EdgeKey, EdgeKeyHash>& dirty) const;

  const RuleBook& book_;
  GraphStore& graph_;
  std::optional<std::size_t> peer_kind_;
  std::optional<std::size_t> owner_kind_;
  std::unordered_map<EdgeKey, EdgeKey, EdgeKeyHash> derived_;
};

}  // namespace gala
