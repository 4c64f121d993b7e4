// Waits for the other end of a connection before it makes one.
#include "stages/topology/one_sided.h"

#include <algorithm>
#include <utility>

namespace gala::topology {

void OneSided::note(NodeIndex node) {
  if (!book_.types()[graph_.node(node).type].alone.empty()) {
    noted_.push_back(node);
  }
}

void OneSided::forget(NodeIndex node) { states_.erase(node); }

bool OneSided::has_partner(NodeIndex node, const AloneRule& rule) const {
  const auto& edges = graph_.node(node).edges;
  return std::any_of(edges.begin(), edges.end(), [&](EdgePosition position) {
    const EdgeKey& key = graph_.edge(position).key;
    const NodeIndex other = key.from == node ? key.to : key.from;
    return key.kind == rule.kind && !book_.types()[graph_.node(other).type].external;
  });
}

void OneSided::end_stand_in(NodeIndex node) {
  const auto state = states_.find(node);
  if (state != states_.end()) {
    if (const std::optional<EdgeKey>& stand_in = state->second.stand_in) {
      graph_.remove_edge(*stand_in);
    }
    states_.erase(state);
  }
}

void OneSided::look(NodeIndex node, BootTime now, const Make& make) {
  for (const std::size_t index : book_.types()[graph_.node(node).type].alone) {
    const AloneRule& rule = book_.alone_rules()[index];
    if (has_partner(node, rule)) {
      end_stand_in(node);
      return;
    }
  }
  const auto [state, is_new] = states_.try_emplace(node, State{now, std::nullopt});
  if (is_new && patience_ > Duration{0}) {
    due_.push_back({now + patience_, node});
    return;
  }
  if (now - state->second.since < patience_) {
    return;
  }
  for (const std::size_t index : book_.types()[graph_.node(node).type].alone) {
    const AloneRule& rule = book_.alone_rules()[index];
    const auto made = make(rule, node);
    if (!made) {
      continue;
    }
    const EdgeKey key = rule.made_is_from
                            ? EdgeKey{static_cast<std::uint32_t>(rule.kind), *made, node}
                            : EdgeKey{static_cast<std::uint32_t>(rule.kind), node, *made};
    std::optional<EdgeKey>& stand_in = state->second.stand_in;
    if (stand_in && *stand_in != key) {
      graph_.remove_edge(*stand_in);
    }
    if (!graph_.has_edge(key)) {
      graph_.add_edge(key);
    }
    stand_in = key;
    return;  // One other end is enough.
  }
}

void OneSided::update(const std::vector<EdgeKey>& touched, BootTime now, const Make& make) {
  for (const EdgeKey& key : touched) {
    note(key.from);
    note(key.to);
  }
  while (!due_.empty() && due_.front().when <= now) {
    noted_.push_back(due_.front().node);
    due_.pop_front();
  }
  std::vector<NodeIndex> order = std::exchange(noted_, {});
  std::sort(order.begin(), order.end());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  for (const NodeIndex node : order) {
    if (graph_.node(node).alive && !book_.types()[graph_.node(node).type].alone.empty()) {
      look(node, now, make);
    }
  }
}

}  // namespace gala::topology
