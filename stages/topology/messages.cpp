// Serialises the topology.
#include "stages/topology/messages.h"

#include <algorithm>
#include <span>
#include <string>
#include <tuple>

#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala::topology {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

/// Writes nodes and edges. Writes each text once and finds it again by its number, without
/// comparing.
class Packer {
 public:
  Packer(FlatBufferBuilder& builder, const TopologyView& view)
      : builder_(builder),
        view_(view),
        texts_(view.pool.positions()),
        ids_(view.graph.positions()) {
    for (const EntityType& type : view.book.types()) {
      names_.emplace_back();
      for (const std::string& name : type.attributes) {
        names_.back().push_back(builder.CreateSharedString(name));
      }
      entities_.push_back(builder.CreateSharedString(type.entity->name));
    }
    for (const std::string& kind : view.book.kinds()) {
      kinds_.push_back(builder.CreateSharedString(kind));
    }
  }

  Offset<wire::Node> pack(NodeIndex index) {
    const TopologyNode& node = view_.graph.node(index);
    labels_.clear();
    for (std::size_t i = 0; i < node.attributes.size(); ++i) {
      if (node.attributes[i] != no_string) {
        const auto value = text(node.attributes[i]);
        labels_.push_back(wire::CreateLabel(builder_, names_[node.type][i], value));
      }
    }
    const auto labels = builder_.CreateVector(labels_);
    const auto machine = text(node.machine);
    return wire::CreateNode(builder_, id(index), entities_[node.type], machine, labels,
                            node.first_seen.ns(), node.last_seen.ns());
  }

  Offset<wire::Edge> pack(const EdgeKey& key) {
    const auto from = id(key.from);
    return wire::CreateEdge(builder_, kinds_[key.kind], from, id(key.to));
  }

  template <class Packed, class Item>
  std::vector<Offset<Packed>> pack_all(std::span<const Item> items) {
    std::vector<Offset<Packed>> packed;
    packed.reserve(items.size());
    for (const Item& item : items) {
      packed.push_back(pack(item));
    }
    return packed;
  }

 private:
  using Text = Offset<flatbuffers::String>;

  Text text(StringId id) {
    if (texts_[id].IsNull()) {
      const std::string_view text = view_.pool.text(id);
      texts_[id] = builder_.CreateString(text.data(), text.size());
    }
    return texts_[id];
  }
  Text id(NodeIndex index) {
    if (ids_[index].IsNull()) {
      ids_[index] = builder_.CreateString(view_.graph.node(index).id);
    }
    return ids_[index];
  }

  FlatBufferBuilder& builder_;
  const TopologyView& view_;
  std::vector<std::vector<Text>> names_;
  std::vector<Text> entities_;
  std::vector<Text> kinds_;
  /// By position; null until written.
  std::vector<Text> texts_;
  std::vector<Text> ids_;
  std::vector<Offset<wire::Label>> labels_;
};

std::vector<std::uint8_t> bytes_of(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

struct SnapshotContent {
  Offset<flatbuffers::Vector<Offset<wire::Node>>> nodes;
  std::vector<wire::EdgeIndex> edges;
};

std::vector<std::uint8_t> finish(FlatBufferBuilder& builder, const SnapshotContent& content,
                                 const TopologyView& view, Instant now, std::uint64_t version) {
  const auto kinds = builder.CreateVectorOfStrings(view.book.kinds());
  const auto edges = builder.CreateVectorOfStructs(content.edges);
  wire::FinishTopologySnapshotBuffer(
      builder, wire::CreateTopologySnapshot(builder, now.boot.ns(), now.wall_offset_ns(), version,
                                            content.nodes, kinds, edges));
  return bytes_of(builder);
}

}  // namespace

std::vector<std::uint8_t> to_snapshot(const TopologyView& view, Instant now,
                                      std::uint64_t version) {
  const std::vector<NodeIndex> order = view.graph.sorted_nodes();
  std::vector<std::uint32_t> place_of(view.graph.positions());
  for (std::uint32_t place = 0; place < order.size(); ++place) {
    place_of[order[place]] = place;
  }
  std::vector<wire::EdgeIndex> edges;
  edges.reserve(view.graph.edge_count());
  view.graph.for_each_edge([&](const EdgeKey& key) {
    edges.emplace_back(key.kind, place_of[key.from], place_of[key.to]);
  });
  std::sort(edges.begin(), edges.end(), [](const wire::EdgeIndex& a, const wire::EdgeIndex& b) {
    return std::tuple(a.kind(), a.from(), a.to()) < std::tuple(b.kind(), b.from(), b.to());
  });
  FlatBufferBuilder builder(1024 + order.size() * 256);
  Packer packer(builder, view);
  const auto packed_nodes =
      builder.CreateVector(packer.pack_all<wire::Node>(std::span<const NodeIndex>(order)));
  return finish(builder, {packed_nodes, edges}, view, now, version);
}

std::vector<std::uint8_t> to_empty_snapshot(const TopologyView& view, Instant now,
                                            std::uint64_t version) {
  FlatBufferBuilder builder;
  const auto no_nodes = builder.CreateVector(std::vector<Offset<wire::Node>>{});
  return finish(builder, {no_nodes, {}}, view, now, version);
}

std::vector<std::uint8_t> to_delta(const TopologyView& view, const GraphStore::Changes& changes,
                                   Instant now, std::uint64_t version) {
  FlatBufferBuilder builder(4096);
  Packer packer(builder, view);
  const auto added_nodes = builder.CreateVector(
      packer.pack_all<wire::Node>(std::span<const NodeIndex>(changes.changed_nodes)));
  const auto removed_nodes = builder.CreateVectorOfStrings(changes.removed_nodes);
  const auto added_edges = builder.CreateVector(
      packer.pack_all<wire::Edge>(std::span<const EdgeKey>(changes.added_edges)));
  const auto removed_edges = builder.CreateVector(
      packer.pack_all<wire::Edge>(std::span<const EdgeKey>(changes.removed_edges)));
  wire::FinishTopologyDeltaBuffer(
      builder, wire::CreateTopologyDelta(builder, now.boot.ns(), now.wall_offset_ns(), version,
                                         added_nodes, removed_nodes, added_edges, removed_edges));
  return bytes_of(builder);
}

}  // namespace gala::topology
