// Indirect relations: when two connections are peers, the outermost owners of both ends are
// connected, and so are the services that the ends belong to.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "stages/topology/edge_table.h"
#include "stages/topology/graph_store.h"
#include "stages/topology/rules.h"

namespace gala::topology {

/// Updates the derived relations when direct ones change.
class Connections {
 public:
  Connections(const RuleBook& book, GraphStore& graph);

  /// Derives anew from the peers that the `touched` edges lead to.
  void update(const std::vector<EdgeKey>& touched);

 private:
  using EdgeKeys = std::vector<EdgeKey>;
  /// What owns a node, directly or not.
  struct Climb {
    /// The outermost owner: process, container or pod, or the node itself if nothing owns it.
    std::optional<NodeIndex> outermost;
    /// The nearest shared owners, and how far above they are.
    std::vector<NodeIndex> shared;
    int shared_above = 0;
  };
  /// Peers to derive from, each once.
  struct PeerSet {
    std::vector<EdgePosition> peers;
    std::vector<bool> listed;
    void add(EdgePosition peer);
  };
  /// The edges that follow from one peer: nearly always one; `more_` has the others.
  struct Derived {
    EdgeKey peer;
    EdgeKey first;
    bool has_more = false;
  };

  /// Gives EdgeTable the key of an entry.
  struct PeerAt {
    const std::vector<Derived>& derived;
    const EdgeKey& operator()(std::uint32_t place) const { return derived[place].peer; }
  };

  [[nodiscard]] bool climbs(const EdgeKey& key, NodeIndex from) const;
  [[nodiscard]] std::vector<NodeIndex> owners_of(NodeIndex node) const;
  /// Remembers results until the update ends, since owners do not change meanwhile. `above`: how
  /// far the climb has come.
  const Climb& climb(NodeIndex node, int above = 0);
  void add_shared(NodeIndex owner, const Climb& higher, Climb& found) const;
  void forget_climbs();
  [[nodiscard]] EdgeKeys derived_from(const EdgeKey& peer);
  void collect_peers(NodeIndex start, PeerSet& dirty) const;
  /// Makes `now` the edges that follow from this peer.
  void refresh(const EdgeKey& peer, EdgeKeys now);
  [[nodiscard]] EdgeKeys known_from(const EdgeKey& peer) const;
  void keep(const EdgeKey& peer, EdgeKeys edges);

  const RuleBook& book_;
  GraphStore& graph_;
  std::optional<std::size_t> peer_kind_;
  std::optional<std::size_t> owner_kind_;
  /// By peer. Small, because a million connections have millions of them.
  EdgeTable derived_of_;
  std::vector<Derived> derived_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::uint32_t, EdgeKeys> more_;
  /// Position in `climbs_` by node; 0 = not climbed in this update.
  std::vector<std::uint32_t> climb_of_;
  std::deque<Climb> climbs_;
  Climb nothing_above_;
  std::vector<NodeIndex> climbed_;
};

}  // namespace gala::topology
