// Derives indirect relations from peers and their owners, incrementally.
#include "stages/topology/connections.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace gala::topology {
namespace {

/// process → container → pod is two. A longer climb is a cycle in the data.
constexpr int most_owners = 8;

}  // namespace

Connections::Connections(const RuleBook& book, GraphStore& graph)
    : book_(book), graph_(graph), peer_kind_(book.peer_kind()), owner_kind_(book.part_kind()) {}

bool Connections::climbs(const EdgeKey& key, NodeIndex from) const {
  return key.kind == owner_kind_ && key.from == from &&
         book_.types()[graph_.node(key.to).type].owner;
}

std::vector<NodeIndex> Connections::owners_of(NodeIndex node) const {
  std::vector<NodeIndex> owners;
  for (const EdgePosition position : graph_.node(node).edges) {
    const EdgeKey& key = graph_.edge(position).key;
    if (climbs(key, node)) {
      owners.push_back(key.to);
    }
  }
  return owners;
}

void Connections::add_shared(NodeIndex owner, const Climb& higher, Climb& found) const {
  if (book_.types()[graph_.node(owner).type].shared) {
    found.shared.push_back(owner);
    found.shared_above = 1;
    return;
  }
  // The service of the connection itself says more than all services of its process.
  const int above = higher.shared_above + 1;
  if (higher.shared.empty() || (found.shared_above != 0 && found.shared_above < above)) {
    return;
  }
  if (found.shared_above > above) {
    found.shared.clear();
  }
  found.shared.insert(found.shared.end(), higher.shared.begin(), higher.shared.end());
  found.shared_above = above;
}

const Connections::Climb& Connections::climb(NodeIndex node, int above) {
  if (climb_of_[node] != 0) {
    return climbs_[climb_of_[node] - 1];
  }
  Climb found;
  if (book_.types()[graph_.node(node).type].owner) {
    found.outermost = node;
  }
  std::vector<NodeIndex> owners = owners_of(node);
  // Shared owners first, because they are nearer than what is above the others; then by id.
  std::sort(owners.begin(), owners.end(), [this](NodeIndex a, NodeIndex b) {
    const bool a_is_shared = book_.types()[graph_.node(a).type].shared;
    const bool b_is_shared = book_.types()[graph_.node(b).type].shared;
    return std::tie(b_is_shared, graph_.node(a).id) < std::tie(a_is_shared, graph_.node(b).id);
  });
  bool is_first = true;
  for (const NodeIndex owner : owners) {
    const bool is_shared = book_.types()[graph_.node(owner).type].shared;
    const bool goes_on = !is_shared && above < most_owners;
    const Climb& higher = goes_on ? climb(owner, above + 1) : nothing_above_;
    add_shared(owner, higher, found);
    if (!is_shared && std::exchange(is_first, false)) {
      found.outermost = higher.outermost ? higher.outermost : owner;
    }
  }
  if (climb_of_[node] == 0) {  // Else it is its own owner, and the climb came by.
    climbs_.push_back(std::move(found));
    climbed_.push_back(node);
    climb_of_[node] = static_cast<std::uint32_t>(climbs_.size());
  }
  return climbs_[climb_of_[node] - 1];
}

void Connections::forget_climbs() {
  for (const NodeIndex node : climbed_) {
    climb_of_[node] = 0;
  }
  climbed_ = {};
  climbs_ = {};
}

Connections::EdgeKeys Connections::derived_from(const EdgeKey& peer) {
  const Climb& from = climb(peer.from);
  const Climb& to = climb(peer.to);
  EdgeKeys derived;
  const auto add = [&](NodeIndex from_end, NodeIndex to_end) {
    const auto kind = book_.indirect_kind(graph_.node(from_end).type, graph_.node(to_end).type);
    if (kind && from_end != to_end) {
      derived.push_back({static_cast<std::uint32_t>(*kind), from_end, to_end});
    }
  };
  const auto add_all = [&](NodeIndex from_end) {
    if (to.outermost) {
      add(from_end, *to.outermost);
    }
    for (const NodeIndex to_end : to.shared) {
      add(from_end, to_end);
    }
  };
  if (from.outermost) {
    add_all(*from.outermost);
  }
  for (const NodeIndex from_end : from.shared) {
    add_all(from_end);
  }
  std::sort(derived.begin(), derived.end());
  derived.erase(std::unique(derived.begin(), derived.end()), derived.end());
  return derived;
}

void Connections::PeerSet::add(EdgePosition peer) {
  if (!listed[peer]) {
    listed[peer] = true;
    peers.push_back(peer);
  }
}

void Connections::collect_peers(NodeIndex start, PeerSet& dirty) const {
  std::vector<NodeIndex> open{start};
  std::unordered_set<NodeIndex> seen{start};
  while (!open.empty()) {
    const NodeIndex node = open.back();
    open.pop_back();
    const EntityType& type = book_.types()[graph_.node(node).type];
    for (const EdgePosition position : graph_.node(node).edges) {
      const EdgeKey& key = graph_.edge(position).key;
      if (key.kind == peer_kind_) {
        dirty.add(position);
      } else if (type.owner && key.kind == owner_kind_ && key.to == node &&
                 seen.insert(key.from).second) {
        open.push_back(key.from);
      }
    }
  }
}

void Connections::update(const std::vector<EdgeKey>& touched) {
  if (!peer_kind_ || !owner_kind_) {
    return;
  }
  climb_of_.resize(graph_.positions());
  PeerSet dirty{{}, std::vector<bool>(graph_.edge_positions())};
  std::unordered_set<NodeIndex> climbed;
  for (const EdgeKey& key : touched) {
    if (key.kind == peer_kind_) {
      if (const auto peer = graph_.find_edge(key)) {
        dirty.add(*peer);
      } else {
        refresh(key, {});
      }
    } else if (key.kind == owner_kind_ && book_.types()[graph_.node(key.to).type].owner &&
               climbed.insert(key.from).second) {
      collect_peers(key.from, dirty);
    }
  }
  for (const EdgePosition peer : dirty.peers) {
    const EdgeKey key = graph_.edge(peer).key;
    refresh(key, derived_from(key));
  }
  forget_climbs();
}

Connections::EdgeKeys Connections::known_from(const EdgeKey& peer) const {
  const auto place = derived_of_.find(peer, PeerAt{derived_});
  if (!place) {
    return {};
  }
  return derived_[*place].has_more ? more_.at(*place) : EdgeKeys{derived_[*place].first};
}

void Connections::refresh(const EdgeKey& peer, EdgeKeys now) {
  const EdgeKeys before = known_from(peer);
  if (now == before) {
    return;
  }
  // Adds new edges first, so that an edge that stays does not end in between.
  std::erase_if(now, [&](const EdgeKey& key) {
    return !std::binary_search(before.begin(), before.end(), key) &&
           !graph_.add_edge(key, Reason::follows);
  });
  for (const EdgeKey& key : before) {
    if (!std::binary_search(now.begin(), now.end(), key)) {
      graph_.remove_edge(key, Reason::follows);
    }
  }
  keep(peer, std::move(now));
}

void Connections::keep(const EdgeKey& peer, EdgeKeys edges) {
  auto place = derived_of_.find(peer, PeerAt{derived_});
  if (edges.empty()) {
    if (place) {
      more_.erase(*place);
      derived_of_.erase(peer, PeerAt{derived_});
      free_.push_back(*place);
    }
    return;
  }
  if (!place) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(derived_.size()));
      derived_.emplace_back();
    }
    place = free_.back();
    free_.pop_back();
    derived_[*place].peer = peer;
    derived_of_.insert(*place, PeerAt{derived_});
  }
  derived_[*place].first = edges.front();
  derived_[*place].has_more = edges.size() > 1;
  if (edges.size() > 1) {
    more_[*place] = std::move(edges);
  } else {
    more_.erase(*place);
  }
}

}  // namespace gala::topology
