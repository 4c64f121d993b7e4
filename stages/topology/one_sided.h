// Stands in for the other end of connections that only one side reports.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "stages/topology/graph_store.h"
#include "stages/topology/rules.h"

namespace gala::topology {

/// Updates the model's `alone` relations. An entity without another relation of the kind for
/// `patience` gets one to a made entity; the first real partner ends it.
class OneSided {
 public:
  /// Makes or finds the other side of a rule; nothing if that is impossible.
  using Make = std::function<std::optional<NodeIndex>(const AloneRule& rule, NodeIndex seen)>;

  OneSided(const RuleBook& book, GraphStore& graph, Duration patience)
      : book_(book), graph_(graph), patience_(patience) {}

  /// The node is new or has new labels.
  void note(NodeIndex node);
  /// The node is gone.
  void forget(NodeIndex node);
  /// Handles what was noted, the `touched` edges, and nodes whose patience ends by `now`.
  void update(const std::vector<EdgeKey>& touched, BootTime now, const Make& make);

 private:
  [[nodiscard]] bool has_partner(NodeIndex node, const AloneRule& rule) const;
  void look(NodeIndex node, BootTime now, const Make& make);
  void end_stand_in(NodeIndex node);

  /// State of one node: since when it waits, or its stand-in.
  struct State {
    BootTime since;
    std::optional<EdgeKey> stand_in;
  };
  struct Due {
    BootTime when;
    NodeIndex node = 0;
  };

  const RuleBook& book_;
  GraphStore& graph_;
  Duration patience_;
  /// May list a node twice, or one that has ended.
  std::vector<NodeIndex> noted_;
  std::unordered_map<NodeIndex, State> states_;
  std::deque<Due> due_;
};

}  // namespace gala::topology
