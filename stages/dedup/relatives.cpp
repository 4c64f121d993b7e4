// Breadth-first over the relations.
#include "stages/dedup/relatives.h"

#include <algorithm>

namespace gala::dedup {
namespace {

/// What more than that many use alike relates them no more than a host does.
constexpr std::size_t most_sharers = 64;

/// A host is used by all that is on it, and what is everyone's relates nobody.
std::vector<std::string> hosts_of(const Model& model) {
  std::vector<std::string> hosts;
  for (const Entity& entity : model.entities()) {
    if (entity.crossroads && entity.level == "host") {
      hosts.push_back(entity.name);
    }
  }
  return hosts;
}

}  // namespace

Relatives::Relatives(const Model& model, Limits limits)
    : model_(model),
      part_of_(model.kind_with(RelationRole::part)),
      limits_(limits),
      replica_({.entities = limits.entities,
                .relations = limits.entities * limits.relations_each,
                .labels = false,
                .unrelated = hosts_of(model)}) {}

bool Relatives::is_crossroads(Index index) const {
  while (crossroads_.size() < replica_.type_count()) {
    const auto type = static_cast<Replica::Type>(crossroads_.size());
    const Entity* entity = model_.find(replica_.type_word(type));
    crossroads_.push_back(entity != nullptr && entity->crossroads);
  }
  return crossroads_[replica_.type(index)];
}

bool Relatives::passes(const Step& step, const Link& next) const {
  if (step.depth == 0) {
    return true;
  }
  if (is_crossroads(step.node)) {
    return false;
  }
  // In by a relation and out against the same one: both ends use this node alike.
  const bool alike = step.by.kind == next.kind && step.by.forward != next.forward;
  return !alike || replica_.kind_word(next.kind) == part_of_ ||
         replica_.links(step.node).size() <= most_sharers;
}

std::vector<std::string_view> Relatives::path_to(const std::vector<Step>& steps,
                                                 std::size_t at) const {
  std::vector<std::string_view> path;
  for (;; at = steps[at].before) {
    path.push_back(replica_.node(steps[at].node).id);
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
  const auto found = replica_.find(start);
  if (!found) {
    return;
  }
  seen_.resize(replica_.positions(), 0);
  ++search_;
  seen_[*found] = search_;
  std::vector<Step> steps{{*found, 0, 0, {}}};
  for (std::size_t at = 0; at < steps.size(); ++at) {
    const Step step = steps[at];
    if (step.depth >= limits_.hops) {
      break;  // Breadth first: all others are as far.
    }
    for (const Link& link : replica_.links(step.node)) {
      if (seen_[link.other] == search_ || !passes(step, link)) {
        continue;
      }
      if (steps.size() >= limits_.visited) {
        ++cut_searches_;
        return;
      }
      seen_[link.other] = search_;
      steps.push_back({link.other, at, step.depth + 1, link});
      const std::string_view id = replica_.node(link.other).id;
      if (wanted(id)) {
        visit(id, path_to(steps, steps.size() - 1));
      }
    }
  }
}

}  // namespace gala::dedup
