// Follows hops from entity to entity.
#include "stages/infer/walk.h"

#include <algorithm>
#include <optional>

namespace gala::infer {
namespace {

/// A hop with its words resolved to numbers.
struct Step {
  Replica::Kind kind = 0;
  bool forward = true;
  /// Nothing: any type.
  std::optional<Replica::Type> type;
};

/// nullopt when the topology has no such relation or type.
std::optional<Step> resolve(const Replica& graph, const Hop& hop) {
  const auto kind = graph.find_kind(hop.relation);
  const auto type = graph.find_type(hop.entity);
  if (!kind || (!type && !hop.entity.empty())) {
    return std::nullopt;
  }
  return Step{*kind, hop.forward, hop.entity.empty() ? std::nullopt : type};
}

}  // namespace

std::vector<GraphIndex> walk(const Replica& graph, GraphIndex start, const std::vector<Hop>& path) {
  std::vector<GraphIndex> here{start};
  for (const Hop& hop : path) {
    const auto step = resolve(graph, hop);
    if (!step) {
      return {};
    }
    std::vector<GraphIndex> next;
    for (const GraphIndex index : here) {
      for (const Link& link : graph.links(index)) {
        if (link.kind == step->kind && link.forward == step->forward &&
            (!step->type || graph.type(link.other) == *step->type)) {
          next.push_back(link.other);
        }
      }
    }
    std::sort(next.begin(), next.end());
    next.erase(std::unique(next.begin(), next.end()), next.end());
    here = std::move(next);
  }
  std::sort(here.begin(), here.end(),
            [&graph](GraphIndex a, GraphIndex b) { return graph.node(a).id < graph.node(b).id; });
  return here;
}

}  // namespace gala::infer
