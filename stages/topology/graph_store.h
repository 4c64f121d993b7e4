// Keeps entities and relations in memory, and what changed since the last publication.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/core/time.h"
#include "stages/topology/edge_table.h"
#include "stages/topology/strings.h"

namespace gala::topology {

/// Position of a node. A freed position is reused only after the next publication.
using NodeIndex = std::uint32_t;
/// Position of an edge.
using EdgePosition = std::uint32_t;

struct JoinBucket;

/// A place of a node in a bucket of the JoinIndex.
struct JoinSlot {
  JoinBucket* bucket = nullptr;
  bool to_side = false;
  std::uint32_t position = 0;
};

/// An entity.
struct TopologyNode {
  std::string id;
  std::uint32_t type = 0;
  /// The node whose row came next the last time.
  NodeIndex follower = 0;
  StringId machine = no_string;
  /// Parallel to EntityType::attributes.
  std::vector<StringId> attributes;
  BootTime first_seen;
  BootTime last_seen;
  /// Last seen, on the stage's own clock: boot clocks of other machines do not compare.
  BootTime last_heard;
  std::vector<EdgePosition> edges;
  std::vector<JoinSlot> joins;
  bool alive = false;
  /// Consumers know it as it is: published, and unchanged since.
  bool published = false;
  bool changed = false;
};

/// A reason for an edge: two entities match, or it follows from other edges.
enum class Reason : std::uint8_t { match, follows };

/// A relation. Several rules may be reasons for it; it ends with the last reason.
struct TopologyEdge {
  EdgeKey key;
  /// Reasons of either sort.
  std::uint32_t matches = 0;
  std::uint32_t follows = 0;
  /// Where the edge stands in the lists of its ends.
  std::uint32_t position_at_from = 0;
  std::uint32_t position_at_to = 0;
  bool published = false;
};

/// Upper bounds. The store refuses and counts what exceeds them.
struct GraphLimits {
  std::size_t nodes = 200'000;
  std::size_t edges = 1'000'000;
};

/// Nodes and edges by id and by neighbour. The cost of an operation is the degree of the nodes that
/// it touches.
class GraphStore {
 public:
  explicit GraphStore(GraphLimits limits) : limits_(limits) {}

  [[nodiscard]] std::optional<NodeIndex> find(std::string_view id) const;
  /// The same, but fast if it is the follower of `before`.
  [[nodiscard]] std::optional<NodeIndex> find_after(NodeIndex before, std::string_view id) const;
  /// Nothing if the limit is reached. Requires: no node has this id.
  std::optional<NodeIndex> add_node(std::string_view id, std::size_t type);
  /// Removes the node and all its edges. Requires: its joins are gone.
  void remove_node(NodeIndex node);
  [[nodiscard]] TopologyNode& node(NodeIndex index) { return nodes_[index]; }
  [[nodiscard]] const TopologyNode& node(NodeIndex index) const { return nodes_[index]; }

  /// Adds a reason for this edge; false if the limit is reached. Ignores a relation of a node with
  /// itself.
  bool add_edge(const EdgeKey& key, Reason reason = Reason::match);
  /// Removes a reason.
  void remove_edge(const EdgeKey& key, Reason reason = Reason::match);
  /// Ends an edge, whatever its reasons.
  void drop_edge(EdgePosition edge);
  /// Removes the matches of this node's edges; what follows from other edges stays.
  void drop_matches(NodeIndex node);
  [[nodiscard]] const TopologyEdge& edge(EdgePosition position) const { return edges_[position]; }
  [[nodiscard]] std::optional<EdgePosition> find_edge(const EdgeKey& key) const {
    return edge_of_.find(key, [this](EdgePosition edge) { return edges_[edge].key; });
  }
  [[nodiscard]] bool has_edge(const EdgeKey& key) const { return find_edge(key).has_value(); }

  [[nodiscard]] std::size_t node_count() const { return node_of_.size(); }
  [[nodiscard]] std::size_t edge_count() const { return edge_of_.size(); }
  [[nodiscard]] std::uint64_t refused_nodes() const { return refused_nodes_; }
  [[nodiscard]] std::uint64_t refused_edges() const { return refused_edges_; }
  void note_changed(NodeIndex node);

  /// All node positions, alive or not, are below this.
  [[nodiscard]] std::size_t positions() const { return nodes_.size(); }
  /// All edge positions are below this.
  [[nodiscard]] std::size_t edge_positions() const { return edges_.size(); }
  /// Entries to be published.
  [[nodiscard]] std::size_t unpublished() const {
    return changed_nodes_.size() + removed_nodes_.size() + added_edges_.size() +
           removed_edges_.size();
  }
  /// Positions of all live nodes, sorted by id.
  [[nodiscard]] std::vector<NodeIndex> sorted_nodes() const;
  /// Calls `visit` with the key of every edge, in no particular order.
  template <class Visit>
  void for_each_edge(Visit&& visit) const {
    for (const TopologyEdge& edge : edges_) {
      if (edge.matches + edge.follows > 0) {
        visit(edge.key);
      }
    }
  }

  /// Edges that came or went since the last call, oldest first, for derived relations.
  std::vector<EdgeKey> take_touched();

  /// How much of the changes one message takes at most.
  struct Portion {
    std::size_t nodes = 0;
    std::size_t edges = 0;
  };
  /// Entries of the store's own lists that a portion has used up.
  struct Taken {
    std::size_t changed = 0;
    std::size_t removed = 0;
    std::size_t added = 0;
  };
  /// Changes that consumers do not know yet.
  struct Changes {
    std::vector<NodeIndex> changed_nodes;
    std::vector<std::string> removed_nodes;
    std::vector<EdgeKey> added_edges;
    std::vector<EdgeKey> removed_edges;
    Taken taken;

    [[nodiscard]] bool empty() const {
      return changed_nodes.empty() && removed_nodes.empty() && added_edges.empty() &&
             removed_edges.empty();
    }
  };
  /// A portion of the changes, in an order that depends on the input alone: removals before
  /// additions, and nodes before their edges. Ids of removed edges' ends are readable until
  /// `mark_published`.
  [[nodiscard]] Changes changes(const Portion& portion) const;
  /// Consumers know these changes now, so positions of known removals may be reused.
  void mark_published(const Changes& changes);
  /// Consumers know everything now.
  void mark_published();
  /// Consumers know nothing any more, so everything is a change.
  void start_over();

 private:
  void unlink(NodeIndex node, std::uint32_t position);
  void take_removed(const Portion& portion, Changes& changes) const;
  void take_added_edges(const Portion& portion, Changes& changes) const;
  void work_off(const Taken& taken);

  GraphLimits limits_;
  std::deque<TopologyNode> nodes_;
  std::vector<TopologyEdge> edges_;
  std::unordered_map<std::string_view, NodeIndex> node_of_;
  EdgeTable edge_of_;
  std::vector<NodeIndex> free_nodes_;
  std::vector<EdgePosition> free_edges_;
  std::vector<NodeIndex> changed_nodes_;
  std::vector<NodeIndex> removed_nodes_;
  std::vector<EdgeKey> touched_;
  /// Edges not published yet. Skips one that has ended again or is listed twice.
  std::vector<EdgePosition> added_edges_;
  /// Published edges that ended. One that comes back within the period cancels out.
  std::unordered_set<EdgeKey, EdgeKeyHash> removed_edges_;
  std::uint64_t refused_nodes_ = 0;
  std::uint64_t refused_edges_ = 0;
};

}  // namespace gala::topology
