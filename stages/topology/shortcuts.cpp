// Joins the two legs of every middle entity that changed.
#include "stages/topology/shortcuts.h"

#include <algorithm>

namespace gala::topology {
namespace {

/// An entity between more pairs than that is a crossroads and relates nobody.
constexpr std::size_t most_pairs = 4096;

}  // namespace

void Shortcuts::note_middle(NodeIndex node, std::size_t kind,
                            std::unordered_set<NodeIndex>& middles) const {
  for (const std::size_t index : book_.types()[graph_.node(node).type].via) {
    const ViaRule& rule = book_.via_rules()[index];
    if (rule.from.kind == kind || rule.to.kind == kind) {
      middles.insert(node);
      return;
    }
  }
}

std::vector<NodeIndex> Shortcuts::ends(NodeIndex middle, const ViaRule::Leg& leg) const {
  std::vector<NodeIndex> found;
  for (const EdgePosition position : graph_.node(middle).edges) {
    const EdgeKey& key = graph_.edge(position).key;
    const NodeIndex other = leg.middle_is_to ? key.from : key.to;
    const NodeIndex own = leg.middle_is_to ? key.to : key.from;
    if (key.kind == leg.kind && own == middle && graph_.node(other).type == leg.end_type) {
      found.push_back(other);
    }
  }
  return found;
}

std::vector<EdgeKey> Shortcuts::pairs_of(NodeIndex middle) {
  std::vector<EdgeKey> pairs;
  const TopologyNode& node = graph_.node(middle);
  if (!node.alive) {
    return pairs;
  }
  for (const std::size_t index : book_.types()[node.type].via) {
    const ViaRule& rule = book_.via_rules()[index];
    const std::vector<NodeIndex> from = ends(middle, rule.from);
    const std::vector<NodeIndex> to = ends(middle, rule.to);
    if (from.size() * to.size() > most_pairs) {
      refused_ += from.size() * to.size();
      continue;
    }
    for (const NodeIndex one : from) {
      for (const NodeIndex other : to) {
        if (one != other) {
          pairs.push_back({static_cast<std::uint32_t>(rule.kind), one, other});
        }
      }
    }
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  return pairs;
}

void Shortcuts::refresh(NodeIndex middle) {
  std::vector<EdgeKey> now = pairs_of(middle);
  std::vector<EdgeKey>& before = followed_[middle];
  // Leaves out what the graph has no room for.
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
    followed_.erase(middle);
  } else {
    before = std::move(now);
  }
}

void Shortcuts::update(const std::vector<EdgeKey>& touched) {
  if (book_.via_rules().empty()) {
    return;
  }
  std::unordered_set<NodeIndex> middles;
  for (const EdgeKey& key : touched) {
    note_middle(key.from, key.kind, middles);
    note_middle(key.to, key.kind, middles);
  }
  std::vector<NodeIndex> order(middles.begin(), middles.end());
  std::sort(order.begin(), order.end());
  for (const NodeIndex middle : order) {
    refresh(middle);
  }
}

}  // namespace gala::topology
