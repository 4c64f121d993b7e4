// Breadth-first over the relations.
#include "stages/dedup/relatives.h"

#include <algorithm>

#include "runtime/core/wire.h"

namespace gala::dedup {
namespace {

/// What more than that many use alike relates them no more than a host does.
constexpr std::size_t most_sharers = 64;
constexpr std::string_view part_of = "belongs_to";

}  // namespace

Relatives::Relatives(const Model& model, Limits limits) : model_(model), limits_(limits) {
  part_of_ = kind_of(part_of);
}

void Relatives::clear() {
  index_of_.clear();
  nodes_.clear();
  free_.clear();
}

std::uint16_t Relatives::kind_of(std::string_view kind) {
  const auto found = std::find(kinds_.begin(), kinds_.end(), kind);
  if (found != kinds_.end()) {
    return static_cast<std::uint16_t>(found - kinds_.begin());
  }
  constexpr std::size_t most_kinds = 256;  // Words of the model; a hostile message may have more.
  if (kinds_.size() >= most_kinds) {
    return static_cast<std::uint16_t>(most_kinds);
  }
  kinds_.emplace_back(kind);
  return static_cast<std::uint16_t>(kinds_.size() - 1);
}

std::optional<Relatives::Index> Relatives::find(const flatbuffers::String* id) const {
  const auto found = index_of_.find(text_of(id));
  return found == index_of_.end() ? std::nullopt : std::optional(found->second);
}

void Relatives::add(const wire::Node& node) {
  const std::string_view id = text_of(node.entity_id());
  if (id.empty() || index_of_.contains(id)) {
    return;
  }
  if (index_of_.size() >= limits_.entities) {
    ++refused_;
    return;
  }
  Index index = 0;
  if (free_.empty()) {
    index = static_cast<Index>(nodes_.size());
    nodes_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  const Entity* entity = model_.find(text_of(node.entity()));
  Node& fresh = nodes_[index];
  fresh.id = id;
  fresh.crossroads = entity != nullptr && entity->crossroads;
  fresh.bare = fresh.crossroads && entity->level == "host";
  index_of_.emplace(fresh.id, index);
}

void Relatives::remove(std::string_view id) {
  const auto found = index_of_.find(id);
  if (found == index_of_.end()) {
    return;
  }
  const Index index = found->second;
  for (const Link& link : nodes_[index].links) {
    std::erase_if(nodes_[link.other].links,
                  [index](const Link& back) { return back.other == index; });
  }
  index_of_.erase(found);
  nodes_[index] = Node{};
  free_.push_back(index);
}

void Relatives::link(std::string_view kind, Index from, Index to) {
  if (from == to || nodes_[from].bare || nodes_[to].bare) {
    return;
  }
  const std::uint16_t number = kind_of(kind);
  nodes_[from].links.push_back({to, number, true});
  nodes_[to].links.push_back({from, number, false});
}

void Relatives::unlink(const wire::Edge& edge) {
  const auto from = find(edge.from());
  const auto to = find(edge.to());
  if (!from || !to) {
    return;
  }
  const std::uint16_t kind = kind_of(text_of(edge.kind()));
  const auto drop = [&](Index at, Index other, bool forward) {
    std::vector<Link>& links = nodes_[at].links;
    const auto found = std::find_if(links.begin(), links.end(), [&](const Link& link) {
      return link.other == other && link.kind == kind && link.forward == forward;
    });
    if (found != links.end()) {
      *found = links.back();
      links.pop_back();
    }
  };
  drop(*from, *to, true);
  drop(*to, *from, false);
}

void Relatives::apply(const wire::TopologySnapshot& snapshot) {
  clear();
  ++revision_;
  version_ = snapshot.version();
  complete_ = true;
  if (snapshot.nodes() == nullptr) {
    return;
  }
  std::vector<std::optional<Index>> places;
  places.reserve(snapshot.nodes()->size());
  for (const wire::Node* node : *snapshot.nodes()) {
    add(*node);
    places.push_back(find(node->entity_id()));
  }
  if (snapshot.edges() == nullptr || snapshot.kinds() == nullptr) {
    return;
  }
  for (const wire::EdgeIndex* edge : *snapshot.edges()) {
    const bool valid = edge->kind() < snapshot.kinds()->size() && edge->from() < places.size() &&
                       edge->to() < places.size();
    if (valid && places[edge->from()] && places[edge->to()]) {
      link(text_of(snapshot.kinds()->Get(edge->kind())), *places[edge->from()],
           *places[edge->to()]);
    }
  }
}

void Relatives::apply(const wire::TopologyDelta& delta) {
  if (!complete_ || delta.version() != version_ + 1) {
    complete_ = false;
    return;
  }
  version_ = delta.version();
  ++revision_;
  if (delta.removed_edges() != nullptr) {
    for (const wire::Edge* edge : *delta.removed_edges()) {
      unlink(*edge);
    }
  }
  if (delta.removed_nodes() != nullptr) {
    for (const flatbuffers::String* id : *delta.removed_nodes()) {
      remove(text_of(id));
    }
  }
  if (delta.added_nodes() != nullptr) {
    for (const wire::Node* node : *delta.added_nodes()) {
      add(*node);
    }
  }
  if (delta.added_edges() != nullptr) {
    for (const wire::Edge* edge : *delta.added_edges()) {
      const auto from = find(edge->from());
      const auto to = find(edge->to());
      if (from && to) {
        link(text_of(edge->kind()), *from, *to);
      }
    }
  }
}

bool Relatives::passes(const Step& step, const Link& next) const {
  const Node& node = nodes_[step.node];
  if (step.depth == 0) {
    return true;
  }
  if (node.crossroads) {
    return false;
  }
  // In by a relation and out against the same one: both ends use this node alike.
  const bool alike = step.by.kind == next.kind && step.by.forward != next.forward;
  return !alike || next.kind == part_of_ || node.links.size() <= most_sharers;
}

std::vector<std::string_view> Relatives::path_to(const std::vector<Step>& steps,
                                                 std::size_t at) const {
  std::vector<std::string_view> path;
  for (;; at = steps[at].before) {
    path.emplace_back(nodes_[steps[at].node].id);
    if (steps[at].depth == 0) {
      break;
    }
  }
  std::reverse(path.begin(), path.end());
  return path;
}

void Relatives::search(std::string_view start,
                       const std::function<bool(std::string_view id)>& wanted,
                       const Visit& visit) const {
  const auto found = index_of_.find(start);
  if (found == index_of_.end()) {
    return;
  }
  seen_.resize(nodes_.size(), 0);
  ++search_;
  seen_[found->second] = search_;
  std::vector<Step> steps{{found->second, 0, 0, {}}};
  for (std::size_t at = 0; at < steps.size() && steps.size() < limits_.visited; ++at) {
    const Step step = steps[at];
    if (step.depth >= limits_.hops) {
      break;  // Breadth first: all others are as far.
    }
    for (const Link& link : nodes_[step.node].links) {
      if (seen_[link.other] == search_ || !passes(step, link)) {
        continue;
      }
      seen_[link.other] = search_;
      steps.push_back({link.other, at, step.depth + 1, link});
      if (wanted(nodes_[link.other].id)) {
        visit(nodes_[link.other].id, path_to(steps, steps.size() - 1));
      }
    }
  }
}

}  // namespace gala::dedup
