// The consumer's copy of the topology: nodes with labels, neighbours by relation.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/core/time.h"
#include "runtime/model/model.h"
#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala::infer {

/// Position of an entity; stable for the life of the graph.
using GraphIndex = std::uint32_t;

/// An entity and what it hangs together with.
struct GraphNode {
  struct Link {
    std::uint32_t kind = 0;
    GraphIndex other = 0;
    /// This node is the `from` of the relation.
    bool forward = true;
  };

  std::string id;
  std::string entity;
  std::string machine;
  /// Sorted by name.
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<Link> links;
  bool known = false;
  /// When it ended; it stays for a while, since what just ended may be the cause.
  std::optional<BootTime> gone;
  std::uint64_t snapshot = 0;

  /// "" when there is none.
  [[nodiscard]] std::string_view label(std::string_view name) const;
};

/// Applies snapshots and deltas. Entities and relations that ended linger before they are
/// forgotten.
class EntityGraph {
 public:
  struct Limits {
    std::size_t nodes = 200'000;
    std::size_t edges = 1'000'000;
    Duration linger = std::chrono::minutes{2};
  };

  explicit EntityGraph(Limits limits) : limits_(limits) {}

  void apply(const wire::TopologySnapshot& snapshot, BootTime now);
  /// A delta that does not follow the last version makes the graph incomplete until a snapshot
  /// comes.
  void apply(const wire::TopologyDelta& delta, BootTime now);
  /// Forgets what ended longer than `linger` ago.
  void forget_old(BootTime now);

  [[nodiscard]] std::optional<GraphIndex> find(std::string_view id) const;
  [[nodiscard]] const GraphNode& node(GraphIndex index) const { return nodes_[index]; }
  /// Entities at the end of the hops from `start`, sorted by id. `start` may be among them: a
  /// process is one of the processes of its host.
  [[nodiscard]] std::vector<GraphIndex> walk(GraphIndex start, const std::vector<Hop>& path) const;

  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] std::size_t node_count() const { return index_of_.size(); }
  [[nodiscard]] std::size_t edge_count() const { return edges_.size(); }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  struct EdgeName {
    std::uint32_t kind = 0;
    GraphIndex from = 0;
    GraphIndex to = 0;
    friend bool operator==(const EdgeName&, const EdgeName&) = default;
  };
  struct EdgeNameHash {
    std::size_t operator()(const EdgeName& edge) const;
  };
  struct EdgeState {
    std::optional<BootTime> gone;
    std::uint64_t snapshot = 0;
  };

  std::optional<GraphIndex> upsert(const wire::Node& node);
  void add_edge(const EdgeName& edge);
  void end_node(std::string_view id, BootTime now);
  [[nodiscard]] std::uint32_t kind_of(std::string_view kind);
  [[nodiscard]] std::optional<EdgeName> name_of(const wire::Edge& edge);
  void detach(GraphIndex node, const EdgeName& edge);

  Limits limits_;
  std::deque<GraphNode> nodes_;
  std::unordered_map<std::string_view, GraphIndex> index_of_;
  std::unordered_map<EdgeName, EdgeState, EdgeNameHash> edges_;
  /// The first stands for words beyond the limit.
  std::vector<std::string> kinds_ = std::vector<std::string>(1);
  std::vector<GraphIndex> free_;
  std::uint64_t snapshot_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t revision_ = 0;
  bool complete_ = false;
};

}  // namespace gala::infer
