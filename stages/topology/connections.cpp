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

bool Connections::derives(std::size_t kind) const {
  return kind != peer_kind_ && kind != owner_kind_ &&
         std::none_of(book_.rules().begin(), book_.rules().end(),
                      [kind](const RelationRule& rule) { return rule.kind == kind; });
}

bool Connections::climbs(const TopologyEdge& edge, NodeIndex from) const {
  return edge.key.kind == owner_kind_ && edge.key.from == from &&
         book_.types()[graph_.node(edge.key.to).type].owner;
}

std::optional<NodeIndex> Connections::outermost_owner(NodeIndex node) const {
  std::optional<NodeIndex> owner;
  if (book_.types()[graph_.node(node).type].owner) {
    owner = node;
  }
  for (int step = 0; step < most_owners; ++step) {
    std::optional<NodeIndex> next;
    for (const EdgePosition position : graph_.node(node).edges) {
      const TopologyEdge& edge = graph_.edge(position);
      if (climbs(edge, node) && (!next || graph_.node(edge.key.to).id < graph_.node(*next).id)) {
        next = edge.key.to;
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

std::optional<EdgeKey> Connections::derived_from(const EdgeKey& peer) const {
  if (!graph_.has_edge(peer)) {
    return std::nullopt;
  }
  const auto from = outermost_owner(peer.from);
  const auto to = outermost_owner(peer.to);
  if (!from || !to || *from == *to) {
    return std::nullopt;
  }
  const auto kind = book_.indirect_kind(graph_.node(*from).type, graph_.node(*to).type);
  if (!kind) {
    return std::nullopt;
  }
  return EdgeKey{static_cast<std::uint32_t>(*kind), *from, *to};
}

void Connections::collect_peers(NodeIndex start,
                                std::unordered_set<EdgeKey, EdgeKeyHash>& dirty) const {
  std::vector<NodeIndex> open{start};
  std::unordered_set<NodeIndex> seen{start};
  while (!open.empty()) {
    const NodeIndex node = open.back();
    open.pop_back();
    const bool owner = book_.types()[graph_.node(node).type].owner;
    for (const EdgePosition position : graph_.node(node).edges) {
      const EdgeKey& key = graph_.edge(position).key;
      if (key.kind == peer_kind_) {
        dirty.insert(key);
      } else if (owner && key.kind == owner_kind_ && key.to == node &&
                 seen.insert(key.from).second) {
        open.push_back(key.from);
      }
    }
  }
}

void Connections::update() {
  const std::vector<EdgeKey> touched = graph_.take_touched();
  if (!peer_kind_ || !owner_kind_) {
    return;
  }
  std::unordered_set<EdgeKey, EdgeKeyHash> dirty;
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
    const auto now = derived_from(peer);
    const auto before = derived_.find(peer);
    if (before != derived_.end()) {
      if (now == before->second) {
        continue;
      }
      graph_.remove_edge(before->second);
      derived_.erase(before);
    }
    if (now && graph_.add_edge(*now)) {
      derived_.emplace(peer, *now);
    }
  }
}

}  // namespace gala
