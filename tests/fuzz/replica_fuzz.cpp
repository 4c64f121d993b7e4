// Any sequence of snapshots and deltas over a few ids: the copy of the topology stays bounded, and
// its parts agree with each other.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/topology/replica.h"
#include "runtime/topology/replica_testing.h"

namespace {

using gala::BootTime;
using gala::Replica;
using gala::replica_testing::apply;
using gala::replica_testing::contradiction;
using gala::replica_testing::edge;
using gala::replica_testing::node;

constexpr std::size_t most_entities = 12;
constexpr std::size_t most_relations = 20;

/// Reads the input as small numbers; zeros beyond its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  [[nodiscard]] bool empty() const { return at_ >= size_; }
  std::uint32_t below(std::uint32_t limit) { return empty() ? 0 : data_[at_++] % limit; }
  /// The first is empty.
  std::string id() {
    const std::uint32_t number = below(20);
    return number == 0 ? "" : "m1_proc_" + std::to_string(number);
  }
  std::string word() { return "word" + std::to_string(below(4)); }
  std::unique_ptr<gala::wire::NodeT> entity() {
    auto out = node(id(), word(), {{word(), std::string(below(200), 'x')}, {word(), id()}});
    out->machine_id = below(2) == 0 ? "m1" : id();
    return out;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

gala::wire::TopologySnapshotT snapshot(Input& input, std::uint64_t version) {
  gala::wire::TopologySnapshotT out;
  out.version = version;
  for (std::uint32_t count = input.below(8); count > 0; --count) {
    out.nodes.push_back(input.entity());
  }
  for (std::uint32_t count = input.below(4); count > 0; --count) {
    out.kinds.push_back(input.word());
  }
  for (std::uint32_t count = input.below(10); count > 0; --count) {
    const std::uint32_t kind = input.below(5);
    const std::uint32_t from = input.below(9);
    out.edges.emplace_back(kind, from, input.below(9));
  }
  return out;
}

gala::wire::TopologyDeltaT delta(Input& input, std::uint64_t version) {
  gala::wire::TopologyDeltaT out;
  out.version = version;
  const auto relation = [&input] {
    const std::string from = input.id();
    const std::string kind = input.word();
    return edge(from, kind, input.id());
  };
  for (std::uint32_t count = input.below(4); count > 0; --count) {
    out.removed_edges.push_back(relation());
  }
  for (std::uint32_t count = input.below(3); count > 0; --count) {
    out.removed_nodes.push_back(input.id());
  }
  for (std::uint32_t count = input.below(3); count > 0; --count) {
    out.added_nodes.push_back(input.entity());
  }
  for (std::uint32_t count = input.below(6); count > 0; --count) {
    out.added_edges.push_back(relation());
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Replica::Options options{.entities = most_entities, .relations = most_relations};
  options.entity_bytes = 64;
  options.linger = std::chrono::seconds{input.below(3)};
  options.labels = input.below(4) > 0;
  options.apply_after_gap = input.below(2) == 0;
  if (input.below(4) == 0) {
    options.unrelated = {"word0"};
  }
  Replica replica(options);
  BootTime now;
  std::uint64_t version = 0;
  while (!input.empty()) {
    version += input.below(8) == 7 ? 2 : 1;
    now = now + std::chrono::seconds{input.below(3)};
    if (input.below(4) == 0) {
      apply(replica, snapshot(input, version), now);
    } else {
      apply(replica, delta(input, version), now);
    }
    replica.forget(now);
    if (contradiction(replica) != "" || replica.entity_count() > most_entities ||
        replica.relation_count() > most_relations) {
      std::abort();
    }
  }
  return 0;
}
