// Keeps a copy of the topology from snapshots and deltas.
#include "stages/infer/entity_graph.h"

#include <algorithm>

#include "runtime/core/wire.h"

namespace gala::infer {
namespace {

/// Relation words that are told apart; more come from no model of ours.
constexpr std::size_t most_kinds = 256;

}  // namespace

std::string_view GraphNode::label(std::string_view name) const {
  const auto found = std::lower_bound(
      labels.begin(), labels.end(), name,
      [](const auto& label, std::string_view wanted) { return label.first < wanted; });
  return found != labels.end() && found->first == name ? std::string_view(found->second)
                                                       : std::string_view{};
}

std::size_t EntityGraph::EdgeNameHash::operator()(const EdgeName& edge) const {
  std::uint64_t mixed =
      (std::uint64_t{edge.from} << 32 | edge.to) + edge.kind * 0x9E3779B97F4A7C15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
  return mixed ^ (mixed >> 31);
}

std::optional<GraphIndex> EntityGraph::find(std::string_view id) const {
  const auto found = index_of_.find(id);
  return found == index_of_.end() ? std::nullopt : std::optional(found->second);
}

std::uint32_t EntityGraph::kind_of(std::string_view kind) {
  const auto found = std::find(kinds_.begin(), kinds_.end(), kind);
  if (found != kinds_.end()) {
    return static_cast<std::uint32_t>(found - kinds_.begin());
  }
  if (kinds_.size() >= most_kinds) {
    ++refused_;
    return 0;
  }
  kinds_.emplace_back(kind);
  return static_cast<std::uint32_t>(kinds_.size() - 1);
}

std::optional<GraphIndex> EntityGraph::upsert(const wire::Node& message) {
  const std::string_view id = text_of(message.entity_id());
  auto index = find(id);
  if (!index) {
    if (id.empty() || index_of_.size() >= limits_.nodes) {
      ++refused_;
      return std::nullopt;
    }
    if (free_.empty()) {
      index = static_cast<GraphIndex>(nodes_.size());
      nodes_.emplace_back();
    } else {
      index = free_.back();
      free_.pop_back();
    }
    nodes_[*index].id = id;
    index_of_.emplace(nodes_[*index].id, *index);
  }
  GraphNode& node = nodes_[*index];
  node.entity = text_of(message.entity());
  node.machine = text_of(message.machine_id());
  node.known = true;
  node.gone.reset();
  node.snapshot = snapshot_;
  node.labels.clear();
  if (message.labels() != nullptr) {
    for (const wire::Label* label : *message.labels()) {
      node.labels.emplace_back(text_of(label->name()), text_of(label->value()));
    }
  }
  std::sort(node.labels.begin(), node.labels.end());
  return index;
}

void EntityGraph::add_edge(const EdgeName& edge) {
  const auto known = edges_.find(edge);
  if (known != edges_.end()) {
    known->second = {std::nullopt, snapshot_};
    return;
  }
  if (edges_.size() >= limits_.edges) {
    ++refused_;
    return;
  }
  edges_.emplace(edge, EdgeState{std::nullopt, snapshot_});
  nodes_[edge.from].links.push_back({edge.kind, edge.to, true});
  nodes_[edge.to].links.push_back({edge.kind, edge.from, false});
}

void EntityGraph::apply(const wire::TopologySnapshot& snapshot, BootTime now) {
  ++snapshot_;
  ++revision_;
  std::vector<std::optional<GraphIndex>> places;
  if (snapshot.nodes() != nullptr) {
    for (const wire::Node* node : *snapshot.nodes()) {
      places.push_back(upsert(*node));
    }
  }
  std::vector<std::uint32_t> kinds;
  if (snapshot.kinds() != nullptr) {
    for (const flatbuffers::String* kind : *snapshot.kinds()) {
      kinds.push_back(kind_of(text_of(kind)));
    }
  }
  if (snapshot.edges() != nullptr) {
    for (const wire::EdgeIndex* edge : *snapshot.edges()) {
      const bool valid = edge->kind() < kinds.size() && edge->from() < places.size() &&
                         edge->to() < places.size() && places[edge->from()] && places[edge->to()];
      if (valid) {
        add_edge({kinds[edge->kind()], *places[edge->from()], *places[edge->to()]});
      } else {
        ++refused_;
      }
    }
  }
  for (GraphNode& node : nodes_) {
    if (node.known && !node.gone && node.snapshot != snapshot_) {
      node.gone = now;
    }
  }
  for (auto& [name, state] : edges_) {
    if (!state.gone && state.snapshot != snapshot_) {
      state.gone = now;
    }
  }
  version_ = snapshot.version();
  complete_ = true;
}

std::optional<EntityGraph::EdgeName> EntityGraph::name_of(const wire::Edge& edge) {
  const auto from = find(text_of(edge.from()));
  const auto to = find(text_of(edge.to()));
  if (!from || !to) {
    return std::nullopt;
  }
  return EdgeName{kind_of(text_of(edge.kind())), *from, *to};
}

void EntityGraph::end_node(std::string_view id, BootTime now) {
  if (const auto index = find(id)) {
    nodes_[*index].gone = now;
  }
}

void EntityGraph::apply(const wire::TopologyDelta& delta, BootTime now) {
  ++revision_;
  complete_ = complete_ && delta.version() == version_ + 1;
  version_ = delta.version();
  if (delta.removed_edges() != nullptr) {
    for (const wire::Edge* edge : *delta.removed_edges()) {
      if (const auto name = name_of(*edge); name && edges_.contains(*name)) {
        edges_[*name].gone = now;
      }
    }
  }
  if (delta.removed_nodes() != nullptr) {
    for (const flatbuffers::String* id : *delta.removed_nodes()) {
      end_node(text_of(id), now);
    }
  }
  if (delta.added_nodes() != nullptr) {
    for (const wire::Node* node : *delta.added_nodes()) {
      upsert(*node);
    }
  }
  if (delta.added_edges() != nullptr) {
    for (const wire::Edge* edge : *delta.added_edges()) {
      if (const auto name = name_of(*edge)) {
        add_edge(*name);
      } else {
        ++refused_;
      }
    }
  }
}

void EntityGraph::detach(GraphIndex index, const EdgeName& edge) {
  std::erase_if(nodes_[index].links, [&](const GraphNode::Link& link) {
    return link.kind == edge.kind && (link.forward ? index == edge.from && link.other == edge.to
                                                   : index == edge.to && link.other == edge.from);
  });
}

void EntityGraph::forget_old(BootTime now) {
  const auto old = [&](const std::optional<BootTime>& gone) {
    return gone && now - *gone > limits_.linger;
  };
  for (GraphIndex index = 0; index < nodes_.size(); ++index) {
    if (nodes_[index].known && old(nodes_[index].gone)) {
      const std::vector<GraphNode::Link> links = nodes_[index].links;
      for (const GraphNode::Link& link : links) {
        const EdgeName edge = link.forward ? EdgeName{link.kind, index, link.other}
                                           : EdgeName{link.kind, link.other, index};
        edges_.erase(edge);
        detach(link.other, edge);
      }
      index_of_.erase(nodes_[index].id);
      nodes_[index] = GraphNode{};
      free_.push_back(index);
    }
  }
  std::erase_if(edges_, [&](const auto& item) {
    if (!old(item.second.gone)) {
      return false;
    }
    detach(item.first.from, item.first);
    detach(item.first.to, item.first);
    return true;
  });
}

std::vector<GraphIndex> EntityGraph::walk(GraphIndex start, const std::vector<Hop>& path) const {
  std::vector<GraphIndex> here{start};
  for (const Hop& hop : path) {
    const auto kind = std::find(kinds_.begin(), kinds_.end(), hop.relation);
    if (kind == kinds_.end()) {
      return {};
    }
    const auto wanted = static_cast<std::uint32_t>(kind - kinds_.begin());
    std::vector<GraphIndex> next;
    for (const GraphIndex index : here) {
      for (const GraphNode::Link& link : nodes_[index].links) {
        if (link.kind == wanted && link.forward == hop.forward &&
            (hop.entity.empty() || nodes_[link.other].entity == hop.entity)) {
          next.push_back(link.other);
        }
      }
    }
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    here = std::move(next);
  }
  std::sort(here.begin(), here.end(),
            [this](GraphIndex a, GraphIndex b) { return nodes_[a].id < nodes_[b].id; });
  return here;
}

}  // namespace gala::infer
