// Joins KPIs over the connections of their processes.
#include "stages/infer/kinship.h"

#include <algorithm>
#include <set>

namespace gala::infer {
namespace {

/// KPI → process → connection → connection → process → KPI, and one process between.
constexpr int most_hops = 8;
constexpr std::size_t most_visited = 5000;

}  // namespace

std::vector<GraphIndex> own_entities(const Replica& graph, const Interest& interest,
                                     GraphIndex entity) {
  const std::vector<Hop> up{{interest.kind_with(RelationRole::part), true, ""}};
  std::vector<GraphIndex> own{entity};
  for (std::size_t i = 0; i < own.size(); ++i) {
    for (const GraphIndex owner : walk(graph, own[i], up)) {
      if (interest.is_owner(graph.node(owner).entity) &&
          std::find(own.begin(), own.end(), owner) == own.end()) {
        own.push_back(owner);
      }
    }
  }
  return own;
}

bool are_kin(const Replica& graph, const Interest& interest, GraphIndex a, GraphIndex b) {
  const std::vector<GraphIndex> goals = own_entities(graph, interest, b);
  const std::vector<GraphIndex> starts = own_entities(graph, interest, a);
  std::set<GraphIndex> visited(starts.begin(), starts.end());
  std::vector<GraphIndex> edge(starts);
  const std::string part = interest.kind_with(RelationRole::part);
  const std::string peer = interest.kind_with(RelationRole::peer);
  const std::string talk = interest.kind_with(RelationRole::talk);
  const auto reached = [&](GraphIndex index) {
    return std::find(goals.begin(), goals.end(), index) != goals.end();
  };
  for (int hop = 0; hop <= most_hops && !edge.empty(); ++hop) {
    if (std::any_of(edge.begin(), edge.end(), reached)) {
      return true;
    }
    std::vector<GraphIndex> next;
    const auto step = [&](GraphIndex from, const Hop& along, bool owners_only) {
      for (const GraphIndex index : walk(graph, from, {along})) {
        if ((!owners_only || interest.is_owner(graph.node(index).entity)) &&
            visited.size() < most_visited && visited.insert(index).second) {
          next.push_back(index);
        }
      }
    };
    for (const GraphIndex from : edge) {
      step(from, {peer, true, ""}, false);
      step(from, {peer, false, ""}, false);
      step(from, {talk, true, ""}, false);
      step(from, {talk, false, ""}, false);
      step(from, {part, true, ""}, true);
      if (interest.is_owner(graph.node(from).entity)) {
        step(from, {part, false, ""}, false);
      }
    }
    edge = std::move(next);
  }
  return false;
}

}  // namespace gala::infer
