// Nodes and edges by id and by neighbour.
#include "stages/topology/graph_store.h"

#include <algorithm>
#include <utility>

namespace gala::topology {

std::size_t EdgeKeyHash::operator()(const EdgeKey& key) const {
  std::uint64_t mixed =
      (std::uint64_t{key.from} << 32 | key.to) + std::uint64_t{key.kind} * 0x9E3779B97F4A7C15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31);
}

std::optional<NodeIndex> GraphStore::find(std::string_view id) const {
  const auto found = node_of_.find(id);
  return found == node_of_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<NodeIndex> GraphStore::find_after(NodeIndex before, std::string_view id) const {
  const NodeIndex follower = nodes_[before].follower;
  const bool is_it = nodes_[follower].alive && nodes_[follower].id == id;
  return is_it ? std::optional(follower) : find(id);
}

std::optional<NodeIndex> GraphStore::add_node(std::string_view id, std::size_t type) {
  if (node_of_.size() >= limits_.nodes) {
    ++refused_nodes_;
    return std::nullopt;
  }
  NodeIndex index = 0;
  if (free_nodes_.empty()) {
    index = static_cast<NodeIndex>(nodes_.size());
    nodes_.emplace_back();
  } else {
    index = free_nodes_.back();
    free_nodes_.pop_back();
  }
  TopologyNode& node = nodes_[index];
  node = TopologyNode{};
  node.id = id;
  node.type = static_cast<std::uint32_t>(type);
  node.alive = true;
  node_of_.emplace(node.id, index);
  note_changed(index);
  return index;
}

void GraphStore::note_changed(NodeIndex node) {
  if (!std::exchange(nodes_[node].changed, true)) {
    changed_nodes_.push_back(node);
  }
}

void GraphStore::remove_node(NodeIndex index) {
  TopologyNode& node = nodes_[index];
  while (!node.edges.empty()) {
    drop_edge(node.edges.back());
  }
  node.alive = false;
  node_of_.erase(node.id);
  removed_nodes_.push_back(index);
}

bool GraphStore::add_edge(const EdgeKey& key, Reason reason) {
  if (key.from == key.to) {
    return true;
  }
  const bool match = reason == Reason::match;
  if (const auto found = find_edge(key)) {
    TopologyEdge& edge = edges_[*found];
    ++(match ? edge.matches : edge.follows);
    return true;
  }
  if (edge_of_.size() >= limits_.edges) {
    ++refused_edges_;
    return false;
  }
  EdgePosition position = 0;
  if (free_edges_.empty()) {
    position = static_cast<EdgePosition>(edges_.size());
    edges_.emplace_back();
  } else {
    position = free_edges_.back();
    free_edges_.pop_back();
  }
  TopologyNode& from = nodes_[key.from];
  TopologyNode& to = nodes_[key.to];
  TopologyEdge& edge = edges_[position];
  edge = {key,
          match ? 1U : 0U,
          match ? 0U : 1U,
          static_cast<std::uint32_t>(from.edges.size()),
          static_cast<std::uint32_t>(to.edges.size()),
          false};
  from.edges.push_back(position);
  to.edges.push_back(position);
  edge_of_.insert(position, [this](EdgePosition one) { return edges_[one].key; });
  edge.published = removed_edges_.erase(key) > 0;
  if (!edge.published) {
    added_edges_.push_back(position);
  }
  touched_.push_back(key);
  return true;
}

void GraphStore::remove_edge(const EdgeKey& key, Reason reason) {
  const auto found = find_edge(key);
  if (!found) {
    return;
  }
  TopologyEdge& edge = edges_[*found];
  std::uint32_t& reasons = reason == Reason::match ? edge.matches : edge.follows;
  reasons -= reasons > 0 ? 1U : 0U;
  if (edge.matches == 0 && edge.follows == 0) {
    drop_edge(*found);
  }
}

void GraphStore::drop_matches(NodeIndex node) {
  // Goes backwards, because the last entry, already examined, replaces a dropped one.
  for (std::size_t i = nodes_[node].edges.size(); i-- > 0;) {
    TopologyEdge& edge = edges_[nodes_[node].edges[i]];
    edge.matches = 0;
    if (edge.follows == 0) {
      drop_edge(nodes_[node].edges[i]);
    }
  }
}

void GraphStore::drop_edge(EdgePosition position) {
  const TopologyEdge edge = edges_[position];
  unlink(edge.key.from, edge.position_at_from);
  unlink(edge.key.to, edge.position_at_to);
  edge_of_.erase(edge.key, [this](EdgePosition one) { return edges_[one].key; });
  edges_[position].matches = 0;
  edges_[position].follows = 0;
  free_edges_.push_back(position);
  if (edge.published) {
    removed_edges_.insert(edge.key);
  }
  touched_.push_back(edge.key);
}

void GraphStore::unlink(NodeIndex node, std::uint32_t position) {
  std::vector<EdgePosition>& list = nodes_[node].edges;
  list[position] = list.back();
  list.pop_back();
  if (position < list.size()) {
    TopologyEdge& moved = edges_[list[position]];
    (moved.key.from == node ? moved.position_at_from : moved.position_at_to) = position;
  }
}

std::vector<EdgeKey> GraphStore::take_touched() { return std::exchange(touched_, {}); }

std::vector<NodeIndex> GraphStore::sorted_nodes() const {
  std::vector<NodeIndex> all;
  all.reserve(node_of_.size());
  for (NodeIndex index = 0; index < nodes_.size(); ++index) {
    if (nodes_[index].alive) {
      all.push_back(index);
    }
  }
  std::sort(all.begin(), all.end(),
            [this](NodeIndex a, NodeIndex b) { return nodes_[a].id < nodes_[b].id; });
  return all;
}

void GraphStore::take_removed(const Portion& portion, Changes& changes) const {
  for (const EdgeKey& key : removed_edges_) {
    if (changes.removed_edges.size() == portion.edges) {
      return;
    }
    changes.removed_edges.push_back(key);
  }
  for (const NodeIndex index : removed_nodes_) {
    if (changes.removed_nodes.size() == portion.nodes) {
      break;
    }
    ++changes.taken.removed;
    if (nodes_[index].published) {
      changes.removed_nodes.push_back(nodes_[index].id);
    }
  }
}

void GraphStore::take_added_edges(const Portion& portion, Changes& changes) const {
  for (const EdgePosition position : added_edges_) {
    if (changes.removed_edges.size() + changes.added_edges.size() >= portion.edges) {
      break;
    }
    ++changes.taken.added;
    const TopologyEdge& edge = edges_[position];
    if (edge.matches + edge.follows > 0 && !edge.published) {
      changes.added_edges.push_back(edge.key);
    }
  }
}

GraphStore::Changes GraphStore::changes(const Portion& portion) const {
  Changes changes;
  take_removed(portion, changes);
  std::sort(changes.removed_edges.begin(), changes.removed_edges.end());
  if (changes.taken.removed < removed_nodes_.size()) {
    return changes;  // An id that is back comes after its end.
  }
  for (const NodeIndex index : changed_nodes_) {
    if (changes.removed_nodes.size() + changes.changed_nodes.size() >= portion.nodes) {
      break;
    }
    ++changes.taken.changed;
    if (nodes_[index].alive && nodes_[index].changed) {
      changes.changed_nodes.push_back(index);
    }
  }
  std::sort(changes.changed_nodes.begin(), changes.changed_nodes.end());
  // Lists a position twice if it was reused while its old entry waited.
  changes.changed_nodes.erase(
      std::unique(changes.changed_nodes.begin(), changes.changed_nodes.end()),
      changes.changed_nodes.end());
  if (changes.taken.changed == changed_nodes_.size()) {
    take_added_edges(portion, changes);
    std::sort(changes.added_edges.begin(), changes.added_edges.end());
    changes.added_edges.erase(std::unique(changes.added_edges.begin(), changes.added_edges.end()),
                              changes.added_edges.end());
  }
  return changes;
}

void GraphStore::work_off(const Taken& taken) {
  const auto first = [](auto& list, std::size_t count) {
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(count));
  };
  for (std::size_t at = 0; at < taken.changed; ++at) {
    nodes_[changed_nodes_[at]].published = true;
    nodes_[changed_nodes_[at]].changed = false;
  }
  first(changed_nodes_, taken.changed);
  for (std::size_t at = 0; at < taken.removed; ++at) {
    nodes_[removed_nodes_[at]] = TopologyNode{};
    free_nodes_.push_back(removed_nodes_[at]);
  }
  first(removed_nodes_, taken.removed);
  for (std::size_t at = 0; at < taken.added; ++at) {
    edges_[added_edges_[at]].published = true;
  }
  first(added_edges_, taken.added);
}

void GraphStore::mark_published(const Changes& changes) {
  work_off(changes.taken);
  if (changes.removed_edges.size() == removed_edges_.size()) {
    removed_edges_ = {};  // Clearing would cost what the largest change ever did.
    return;
  }
  for (const EdgeKey& key : changes.removed_edges) {
    removed_edges_.erase(key);
  }
}

void GraphStore::mark_published() {
  work_off({changed_nodes_.size(), removed_nodes_.size(), added_edges_.size()});
  removed_edges_ = {};
}

void GraphStore::start_over() {
  mark_published();
  for (NodeIndex index = 0; index < nodes_.size(); ++index) {
    nodes_[index].published = false;
    if (nodes_[index].alive) {
      note_changed(index);
    }
  }
  for (EdgePosition position = 0; position < edges_.size(); ++position) {
    edges_[position].published = false;
    if (edges_[position].matches + edges_[position].follows > 0) {
      added_edges_.push_back(position);
    }
  }
}

}  // namespace gala::topology
