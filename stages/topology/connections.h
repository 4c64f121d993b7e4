// Indirect relations: when two connections are peers, the outermost owners of both ends are
// connected, and so are the services that the ends belong to.
#pragma once

#include <memory>
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

  /// Looks again at the peers that the `touched` edges lead to.
  void update(const std::vector<EdgeKey>& touched);

 private:
  using EdgeKeys = std::vector<EdgeKey>;
  using EdgeSet = std::unordered_set<EdgeKey, EdgeKeyHash>;

  [[nodiscard]] bool climbs(const EdgeKey& key, NodeIndex from) const;
  [[nodiscard]] std::optional<NodeIndex> outermost_owner(NodeIndex node) const;
  /// The outermost owner, and every shared owner on the way to it.
  [[nodiscard]] std::vector<NodeIndex> ends_of(NodeIndex node) const;
  [[nodiscard]] EdgeKeys derived_from(const EdgeKey& peer) const;
  void collect_peers(NodeIndex node, EdgeSet& dirty) const;
  void refresh(const EdgeKey& peer);

  const RuleBook& book_;
  GraphStore& graph_;
  std::optional<std::size_t> peer_kind_;
  std::optional<std::size_t> owner_kind_;
  /// Nearly always one edge: kept small.
  struct Derived {
    EdgeKey first;
    std::unique_ptr<EdgeKeys> all;
  };
  std::unordered_map<EdgeKey, Derived, EdgeKeyHash> derived_;
};

}  // namespace gala
