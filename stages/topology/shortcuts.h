// Derives relations from two others: A and C are related because of a B between them.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "stages/topology/graph_store.h"
#include "stages/topology/rules.h"

namespace gala::topology {

/// Updates the model's `via` relations. The work is proportional to the edges of the middle
/// entities whose edges changed.
class Shortcuts {
 public:
  Shortcuts(const RuleBook& book, GraphStore& graph) : book_(book), graph_(graph) {}

  /// Derives anew from the middle entities of `touched` edges.
  void update(const std::vector<EdgeKey>& touched);
  /// Pairs left out because one entity is between too many.
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  void note_middle(NodeIndex node, std::size_t kind, std::unordered_set<NodeIndex>& middles) const;
  [[nodiscard]] std::vector<NodeIndex> ends(NodeIndex middle, const ViaRule::Leg& leg) const;
  [[nodiscard]] std::vector<EdgeKey> pairs_of(NodeIndex middle);
  void refresh(NodeIndex middle);

  const RuleBook& book_;
  GraphStore& graph_;
  /// The relations that follow from each middle entity, sorted.
  std::unordered_map<NodeIndex, std::vector<EdgeKey>> followed_;
  std::uint64_t refused_ = 0;
};

}  // namespace gala::topology
