// Derives `connect` from is_peer and belongs_to, incrementally.
#include "stages/topology/connections.h"

#include <algorithm>

namespace gala {
namespace {

/// process → container → pod is two; more is a cycle in the data.
constexpr int most_owners = 8;

}  // namespace

Connections::Connections(const RuleBook& book, GraphStore& graph)
    : book_(book),
      graph_(graph),
      peer_kind_(book.find_kind(peer_relation)),
      owner_kind_(book.find_kind(owner_relation)) {}

bool Connections::climbs(const EdgeKey& key, NodeIndex from) const {
  return key.kind == owner_kind_ && key.from == from &&
         book_.types()[graph_.node(key.to).type].owner;
}

std::optional<NodeIndex> Connections::outermost_owner(NodeIndex node) const {
  std::optional<NodeIndex> owner;
  if (book_.types()[graph_.node(node).type].owner) {
    owner = node;
  }
  for (int step = 0; step < most_owners; ++step) {
    std::optional<NodeIndex> next;
    for (const EdgePosition position : graph_.node(node).edges) {
      const EdgeKey& key = graph_.edge(position).key;
      if (climbs(key, node) && !book_.types()[graph_.node(key.to).type].shared &&
          (!next || graph_.node(key.to).id < graph_.node(*next).id)) {
        next = key.to;
      }
    }
    if (!next) {
      break;
    }
    owner = next;
    node = *next;
  }
  return owner;
}

std::vector<NodeIndex> Connections::ends_of(NodeIndex node) const {
  std::vector<NodeIndex> ends;
  if (const auto owner = outermost_owner(node)) {
    ends.push_back(*owner);
  }
  // What the connection itself serves says more than all that its process serves.
  std::vector<NodeIndex> open{node};
  for (int step = 0; step < most_owners && !open.empty(); ++step) {
    std::vector<NodeIndex> above;
    for (const NodeIndex at : open) {
      for (const EdgePosition position : graph_.node(at).edges) {
        const EdgeKey& key = graph_.edge(position).key;
        if (climbs(key, at)) {
          const bool shared = book_.types()[graph_.node(key.to).type].shared;
          (shared ? ends : above).push_back(key.to);
        }
      }
    }
    if (std::any_of(ends.begin(), ends.end(), [this](NodeIndex end) {
          return book_.types()[graph_.node(end).type].shared;
        })) {
      break;
    }
    open = std::move(above);
  }
  return ends;
}

Connections::EdgeKeys Connections::derived_from(const EdgeKey& peer) const {
  EdgeKeys derived;
  if (!graph_.has_edge(peer)) {
    return derived;
  }
  const std::vector<NodeIndex> to_ends = ends_of(peer.to);
  for (const NodeIndex from : ends_of(peer.from)) {
    for (const NodeIndex to : to_ends) {
      const auto kind = book_.indirect_kind(graph_.node(from).type, graph_.node(to).type);
      if (kind && from != to) {
        derived.push_back({static_cast<std::uint32_t>(*kind), from, to});
      }
    }
  }
  std::sort(derived.begin(), derived.end());
  derived.erase(std::unique(derived.begin(), derived.end()), derived.end());
  return derived;
}

void Connections::collect_peers(NodeIndex start, EdgeSet& dirty) const {
  std::vector<NodeIndex> open{start};
  std::unordered_set<NodeIndex> seen{start};
  while (!open.empty()) {
    const NodeIndex node = open.back();
    open.pop_back();
    const EntityType& type = book_.types()[graph_.node(node).type];
    for (const EdgePosition position : graph_.node(node).edges) {
      const EdgeKey& key = graph_.edge(position).key;
      if (key.kind == peer_kind_) {
        dirty.insert(key);
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
  EdgeSet dirty;
  std::unordered_set<NodeIndex> climbed;
  for (const EdgeKey& key : touched) {
    if (key.kind == peer_kind_) {
      dirty.insert(key);
    } else if (key.kind == owner_kind_ && book_.types()[graph_.node(key.to).type].owner &&
               climbed.insert(key.from).second) {
      collect_peers(key.from, dirty);
    }
  }
  for (const EdgeKey& peer : dirty) {
    refresh(peer);
  }
}

void Connections::refresh(const EdgeKey& peer) {
  EdgeKeys now = derived_from(peer);
  EdgeKeys before;
  const auto known = derived_.find(peer);
  if (known != derived_.end()) {
    before = known->second.all ? *known->second.all : EdgeKeys{known->second.first};
  }
  if (now == before) {
    return;
  }
  // First what is new: an edge that stays must not end in between.
  std::erase_if(now, [&](const EdgeKey& key) {
    return !std::binary_search(before.begin(), before.end(), key) &&
           !graph_.add_edge(key, Reason::follows);
  });
  for (const EdgeKey& key : before) {
    if (!std::binary_search(now.begin(), now.end(), key)) {
      graph_.remove_edge(key, Reason::follows);
    }
  }
  if (now.empty()) {
    derived_.erase(peer);
    return;
  }
  Derived& derived = derived_[peer];
  derived.first = now.front();
  derived.all = now.size() > 1 ? std::make_unique<EdgeKeys>(std::move(now)) : nullptr;
}

}  // namespace gala
