// Serialises the topology.
#include "stages/topology/messages.h"

#include <algorithm>
#include <string>

#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Offset<flatbuffers::String> shared(FlatBufferBuilder& builder, std::string_view text) {
  return builder.CreateSharedString(text.data(), text.size());
}

Offset<wire::Node> pack(FlatBufferBuilder& builder, const TopologyView& view, NodeIndex index) {
  const TopologyNode& node = view.graph.node(index);
  const EntityType& type = view.book.types()[node.type];
  std::vector<Offset<wire::Label>> labels;
  labels.reserve(node.attributes.size());
  for (std::size_t i = 0; i < node.attributes.size(); ++i) {
    if (node.attributes[i] != no_string) {
      const auto value = shared(builder, view.pool.text(node.attributes[i]));
      labels.push_back(wire::CreateLabel(builder, shared(builder, type.attributes[i]), value));
    }
  }
  const auto packed_labels = builder.CreateVector(labels);
  const auto id = builder.CreateString(node.id);
  const auto entity = shared(builder, type.entity->name);
  const auto machine = shared(builder, view.pool.text(node.machine));
  return wire::CreateNode(builder, id, entity, machine, packed_labels, node.first_seen.ns(),
                          node.last_seen.ns());
}

std::vector<Offset<wire::Edge>> pack(FlatBufferBuilder& builder, const TopologyView& view,
                                     const std::vector<EdgeKey>& keys) {
  std::vector<Offset<wire::Edge>> edges;
  edges.reserve(keys.size());
  for (const EdgeKey& key : keys) {
    const auto kind = shared(builder, view.book.kinds()[key.kind]);
    const auto from = shared(builder, view.graph.node(key.from).id);
    const auto to = shared(builder, view.graph.node(key.to).id);
    edges.push_back(wire::CreateEdge(builder, kind, from, to));
  }
  return edges;
}

std::vector<std::uint8_t> bytes_of(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace

std::vector<std::uint8_t> to_snapshot(const TopologyView& view, Instant now,
                                      std::uint64_t version) {
  const std::vector<NodeIndex> order = view.graph.sorted_nodes();
  FlatBufferBuilder builder(1024 + order.size() * 256);
  std::vector<Offset<wire::Node>> nodes;
  nodes.reserve(order.size());
  std::unordered_map<NodeIndex, std::uint32_t> place_of;
  place_of.reserve(order.size());
  for (const NodeIndex index : order) {
    place_of.emplace(index, static_cast<std::uint32_t>(nodes.size()));
    nodes.push_back(pack(builder, view, index));
  }
  std::vector<wire::EdgeIndex> edges;
  edges.reserve(view.graph.edge_count());
  for (const auto& [key, position] : view.graph.edges()) {
    edges.emplace_back(key.kind, place_of.at(key.from), place_of.at(key.to));
  }
  std::sort(edges.begin(), edges.end(), [](const wire::EdgeIndex& a, const wire::EdgeIndex& b) {
    return std::tuple(a.kind(), a.from(), a.to()) < std::tuple(b.kind(), b.from(), b.to());
  });
  const auto packed_nodes = builder.CreateVector(nodes);
  const auto packed_kinds = builder.CreateVectorOfStrings(view.book.kinds());
  const auto packed_edges = builder.CreateVectorOfStructs(edges);
  wire::FinishTopologySnapshotBuffer(
      builder, wire::CreateTopologySnapshot(builder, now.boot.ns(), now.wall_offset_ns(), version,
                                            packed_nodes, packed_kinds, packed_edges));
  return bytes_of(builder);
}

std::vector<std::uint8_t> to_delta(const TopologyView& view, const GraphStore::Changes& changes,
                                   Instant now, std::uint64_t version) {
  FlatBufferBuilder builder(4096);
  std::vector<Offset<wire::Node>> nodes;
  nodes.reserve(changes.changed_nodes.size());
  for (const NodeIndex index : changes.changed_nodes) {
    nodes.push_back(pack(builder, view, index));
  }
  const auto added_nodes = builder.CreateVector(nodes);
  const auto removed_nodes = builder.CreateVectorOfStrings(changes.removed_nodes);
  const auto added_edges = builder.CreateVector(pack(builder, view, changes.added_edges));
  const auto removed_edges = builder.CreateVector(pack(builder, view, changes.removed_edges));
  wire::FinishTopologyDeltaBuffer(
      builder, wire::CreateTopologyDelta(builder, now.boot.ns(), now.wall_offset_ns(), version,
                                         added_nodes, removed_nodes, added_edges, removed_edges));
  return bytes_of(builder);
}

}  // namespace gala
