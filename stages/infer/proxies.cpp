// Links between siblings.
#include "stages/infer/proxies.h"

#include "stages/infer/walk.h"

namespace gala::infer {

void see_through_proxies(const Replica& graph, std::size_t first_link, Candidates& found) {
  const std::size_t last_link = found.links.size();
  const auto reports = [&](const CauseLink& link) {
    const std::vector<Hop>& path = link.rule->exposure.path;
    return !path.empty() && !walk(graph, found.series[link.cause].entity, {path.front()}).empty();
  };
  for (std::size_t hidden = first_link; hidden < last_link; ++hidden) {
    for (std::size_t seen = first_link; seen < last_link; ++seen) {
      const CauseLink service = found.links[seen];
      const CauseLink way = found.links[hidden];
      if (service.cause != way.cause && !reports(way) && reports(service)) {
        found.links.push_back({way.cause, service.cause, service.rule, service.order, 1, 1});
      }
    }
  }
}

}  // namespace gala::infer
