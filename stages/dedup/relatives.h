// A lean copy of the topology: which entities are a few relations away from each other.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/model/model.h"
#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala::dedup {

/// Applies snapshots and deltas; answers who is near. Knows ids, types and relations, no labels.
class Relatives {
 public:
  struct Limits {
    std::size_t entities = 1'000'000;
    /// Relations that may lie between two entities.
    int hops = 5;
    /// Entities looked at for one question.
    std::size_t visited = 1024;
  };
  /// An entity that is near, and the ids on the way to it, both ends included. Valid for the call.
  using Visit = std::function<void(std::string_view id, const std::vector<std::string_view>& path)>;

  Relatives(const Model& model, Limits limits);

  void apply(const wire::TopologySnapshot& snapshot);
  /// A delta that does not follow the last version is left out, and all others until a snapshot.
  void apply(const wire::TopologyDelta& delta);

  [[nodiscard]] bool knows(std::string_view id) const { return index_of_.contains(id); }
  /// Calls `visit` for every entity within reach that `wanted` accepts, the nearest first. No way
  /// leads through a crossroads, nor through something that more than a few use alike.
  void search(std::string_view start, const std::function<bool(std::string_view id)>& wanted,
              const Visit& visit) const;

  [[nodiscard]] std::size_t size() const { return index_of_.size(); }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  /// Counts up with every message.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }

 private:
  using Index = std::uint32_t;
  struct Link {
    Index other = 0;
    std::uint16_t kind = 0;
    /// This entity is the `from` of the relation.
    bool forward = true;
  };
  struct Node {
    std::string id;
    bool crossroads = false;
    /// Its relations are left out: everything on the machine has one to it.
    bool bare = false;
    std::vector<Link> links;
  };
  /// A place on the way outwards.
  struct Step {
    Index node = 0;
    std::size_t before = 0;
    int depth = 0;
    Link by;
  };

  void clear();
  void add(const wire::Node& node);
  void remove(std::string_view id);
  void link(std::string_view kind, Index from, Index to);
  void unlink(const wire::Edge& edge);
  std::uint16_t kind_of(std::string_view kind);
  [[nodiscard]] std::optional<Index> find(const flatbuffers::String* id) const;
  [[nodiscard]] bool passes(const Step& step, const Link& next) const;
  [[nodiscard]] std::vector<std::string_view> path_to(const std::vector<Step>& steps,
                                                      std::size_t at) const;

  const Model& model_;
  Limits limits_;
  std::deque<Node> nodes_;
  std::vector<Index> free_;
  std::unordered_map<std::string_view, Index> index_of_;
  std::vector<std::string> kinds_;
  std::optional<std::uint16_t> part_of_;
  /// Of the latest search: which nodes were seen.
  mutable std::vector<std::uint32_t> seen_;
  mutable std::uint32_t search_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t revision_ = 0;
  bool complete_ = false;
};

}  // namespace gala::dedup
