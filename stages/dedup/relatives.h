// Which entities are a few relations away from each other.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "runtime/model/model.h"
#include "runtime/topology/replica.h"

namespace gala::dedup {

/// Follows the topology and answers who is near. Knows ids, types and relations, no labels; none of
/// the relations of a host, since everything on the machine has one to it. After a gap it keeps
/// what was right before, until the next snapshot.
class Relatives {
 public:
  struct Limits {
    std::size_t entities = 1'000'000;
    /// Relations for each of them, on average.
    std::size_t relations_each = 10;
    /// Relations that may lie between two entities.
    int hops = 5;
    /// Entities looked at for one question, the first one included. The nearest come first; a
    /// search that ends here is counted.
    std::size_t visited = 1024;
  };
  /// An entity that is near, and the ids on the way to it, both ends included. Valid for the call.
  using Visit = std::function<void(std::string_view id, const std::vector<std::string_view>& path)>;

  Relatives(const Model& model, Limits limits);

  void apply(const wire::TopologySnapshot& snapshot) { replica_.apply(snapshot); }
  void apply(const wire::TopologyDelta& delta) { replica_.apply(delta); }

  [[nodiscard]] bool knows(std::string_view id) const { return replica_.find(id).has_value(); }
  /// Calls `visit` for every entity within reach that `wanted` accepts, the nearest first. No way
  /// leads through a crossroads, nor through something that more than a few use alike.
  void search(std::string_view start, const std::function<bool(std::string_view id)>& wanted,
              const Visit& visit) const;

  /// Searches that ended at `visited`: what is further away was not found.
  [[nodiscard]] std::uint64_t cut_searches() const { return cut_searches_; }
  [[nodiscard]] std::size_t size() const { return replica_.entity_count(); }
  [[nodiscard]] const Replica::Counts& counts() const { return replica_.counts(); }
  /// Counts up with every message that was applied.
  [[nodiscard]] std::uint64_t revision() const { return replica_.revision(); }

 private:
  using Index = Replica::Index;
  /// A place on the way outwards.
  struct Step {
    Index node = 0;
    std::size_t before = 0;
    int depth = 0;
    Link by;
  };

  [[nodiscard]] bool is_crossroads(Index index) const;
  [[nodiscard]] bool passes(const Step& step, const Link& next) const;
  [[nodiscard]] std::vector<std::string_view> path_to(const std::vector<Step>& steps,
                                                      std::size_t at) const;

  const Model& model_;
  /// The relation of a part to its whole.
  std::string_view part_of_;
  Limits limits_;
  Replica replica_;
  /// Of the latest search: which entities were seen, and by type, which are crossroads.
  mutable std::vector<std::uint32_t> seen_;
  mutable std::uint32_t search_ = 0;
  mutable std::vector<bool> crossroads_;
  mutable std::uint64_t cut_searches_ = 0;
};

}  // namespace gala::dedup
