// Serialises the topology.
#include "stages/topology/messages.h"

#include <algorithm>
#include <span>
#include <string>
#include <unordered_map>

#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

/// Writes nodes and edges; each text once, found again by its number rather than by comparing.
class Packer {
 public:
  Packer(FlatBufferBuilder& builder, const TopologyView& view) : builder_(builder), view_(view) {
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
    const auto [known, is_new] = texts_.try_emplace(id);
    if (is_new) {
      const std::string_view text = view_.pool.text(id);
      known->second = builder_.CreateString(text.data(), text.size());
    }
    return known->second;
  }
  Text id(NodeIndex index) {
    const auto [known, is_new] = ids_.try_emplace(index);
    if (is_new) {
      known->second = builder_.CreateString(view_.graph.node(index).id);
    }
    return known->second;
  }

  FlatBufferBuilder& builder_;
  const TopologyView& view_;
  std::vector<std::vector<Text>> names_;
  std::vector<Text> entities_;
  std::vector<Text> kinds_;
  std::unordered_map<StringId, Text> texts_;
  std::unordered_map<NodeIndex, Text> ids_;
  std::vector<Offset<wire::Label>> labels_;
};

std::vector<std::uint8_t> bytes_of(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace

std::vector<SnapshotPart> to_snapshot(const TopologyView& view, Instant now, std::uint64_t& version,
                                      const PartLimits& limits) {
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
  const bool fits = order.size() <= limits.nodes && edges.size() <= limits.edges;
  const std::size_t first = std::min(order.size(), limits.nodes);
  std::vector<SnapshotPart> parts;
  {
    FlatBufferBuilder builder(1024 + first * 256);
    Packer packer(builder, view);
    const auto packed_nodes = builder.CreateVector(
        packer.pack_all<wire::Node>(std::span<const NodeIndex>(order).first(first)));
    const auto packed_kinds = builder.CreateVectorOfStrings(view.book.kinds());
    const auto packed_edges =
        builder.CreateVectorOfStructs(fits ? edges : std::vector<wire::EdgeIndex>{});
    wire::FinishTopologySnapshotBuffer(
        builder, wire::CreateTopologySnapshot(builder, now.boot.ns(), now.wall_offset_ns(),
                                              ++version, packed_nodes, packed_kinds, packed_edges));
    parts.push_back({wire::MessageType::topology_snapshot, bytes_of(builder)});
  }
  GraphStore::Changes more;
  const auto flush = [&] {
    if (!more.empty()) {
      parts.push_back({wire::MessageType::topology_delta, to_delta(view, more, now, ++version)});
      more = {};
    }
  };
  for (std::size_t place = first; place < order.size(); ++place) {
    more.changed_nodes.push_back(order[place]);
    if (more.changed_nodes.size() == limits.nodes) {
      flush();
    }
  }
  flush();
  for (std::size_t i = fits ? edges.size() : 0; i < edges.size(); ++i) {
    more.added_edges.push_back({edges[i].kind(), order[edges[i].from()], order[edges[i].to()]});
    if (more.added_edges.size() == limits.named_edges) {
      flush();
    }
  }
  flush();
  return parts;
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

}  // namespace gala
