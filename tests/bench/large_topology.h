// Topology messages of a large fleet, with ids and labels as long as real ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala::large_topology {

using Bytes = std::vector<std::uint8_t>;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::uint32_t processes_per_host = 80;
constexpr std::uint32_t links_per_process = 12;
/// Connections of the next host that each of ours is a peer of.
constexpr std::uint32_t peers = 5;
/// A host, and for each process itself, its container and its connections.
constexpr std::uint32_t entities_per_host = 1 + processes_per_host * (2 + links_per_process);
constexpr std::uint32_t million_hosts = 1'000'000 / entities_per_host;

constexpr const char* kinds[] = {"runs_on", "belongs_to", "is_peer"};

/// An entity by its place: 0 is the host, then for each process itself, its container, connections.
struct Place {
  std::uint32_t host = 0;
  std::uint32_t part = 0;

  [[nodiscard]] std::uint32_t process() const { return (part - 1) / (2 + links_per_process); }
  [[nodiscard]] std::uint32_t within() const { return (part - 1) % (2 + links_per_process); }
  [[nodiscard]] std::string_view entity() const {
    return part == 0 ? "host" : within() == 0 ? "proc" : within() == 1 ? "container" : "tcp_link";
  }
  [[nodiscard]] std::string machine() const {
    const std::string number = std::to_string(host);
    return std::string(32 - number.size(), 'f') + number;
  }
  [[nodiscard]] std::string id() const {
    const std::string head = machine() + "_" + std::string(entity()) + "_";
    const std::string tgid = std::to_string(100'000 + process());
    return part == 0       ? head + machine()
           : within() == 0 ? head + tgid
           : within() == 1 ? head + "0123456789ab" + tgid
                           : head + tgid + "_client_10.20.30.40_10.20.30.41_0_" +
                                 std::to_string(8000 + within());
  }
};

/// Writes entities; each label's name once.
class Packer {
 public:
  explicit Packer(FlatBufferBuilder& builder) : builder_(builder) {}

  Offset<wire::Node> pack(const Place& place) {
    const auto id = builder_.CreateString(place.id());
    const auto entity = builder_.CreateSharedString(std::string(place.entity()));
    const auto machine = builder_.CreateSharedString(place.machine());
    std::vector<Offset<wire::Label>> labels;
    const std::pair<const char*, std::string> texts[] = {
        {"comm", "redis-server"},
        {"tgid", std::to_string(place.process())},
        {"role", "client"},
        {"client_ip", "10.20.30.40"},
        {"server_ip", "10.20.30.41"},
        {"server_port", std::to_string(place.part)},
        {"container_id", "0123456789ab"},
        {"protocol", "tcp"}};
    for (const auto& [name, value] : texts) {
      const auto text = builder_.CreateSharedString(name);
      labels.push_back(wire::CreateLabel(builder_, text, builder_.CreateString(value)));
    }
    return wire::CreateNode(builder_, id, entity, machine, builder_.CreateVector(labels));
  }

 private:
  FlatBufferBuilder& builder_;
};

/// Calls `take(kind, from, to)` for each relation of one host's entities.
template <class Take>
void relations_of(std::uint32_t host, std::uint32_t hosts, const Take& take) {
  for (std::uint32_t process = 0; process < processes_per_host; ++process) {
    const std::uint32_t first = 1 + process * (2 + links_per_process);
    take(0U, Place{host, first}, Place{host, 0});
    take(0U, Place{host, first + 1}, Place{host, 0});
    take(1U, Place{host, first}, Place{host, first + 1});
    for (std::uint32_t link = 0; link < links_per_process; ++link) {
      const std::uint32_t part = first + 2 + link;
      take(1U, Place{host, part}, Place{host, first});
      for (std::uint32_t peer = 0; peer < peers; ++peer) {
        const std::uint32_t other =
            3 + (process + peer) % processes_per_host * (2 + links_per_process) + link;
        take(2U, Place{host, part}, Place{(host + 1) % hosts, other});
      }
    }
  }
}

inline Bytes bytes_of(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

inline Bytes snapshot(std::uint32_t hosts, std::uint64_t version) {
  FlatBufferBuilder builder(std::size_t{1} << 20);
  Packer packer(builder);
  std::vector<Offset<wire::Node>> nodes;
  std::vector<wire::EdgeIndex> edges;
  for (std::uint32_t host = 0; host < hosts; ++host) {
    for (std::uint32_t part = 0; part < entities_per_host; ++part) {
      nodes.push_back(packer.pack({host, part}));
    }
    relations_of(host, hosts, [&](std::uint32_t kind, const Place& from, const Place& to) {
      edges.emplace_back(kind, from.host * entities_per_host + from.part,
                         to.host * entities_per_host + to.part);
    });
  }
  const auto packed = builder.CreateVector(nodes);
  const auto words =
      builder.CreateVectorOfStrings(std::vector<std::string>(std::begin(kinds), std::end(kinds)));
  const auto relations = builder.CreateVectorOfStructs(edges);
  wire::FinishTopologySnapshotBuffer(
      builder, wire::CreateTopologySnapshot(builder, 1, 0, version, packed, words, relations));
  return bytes_of(builder);
}

enum class Change : std::uint8_t { vanish, come_back };

/// Some hosts with all they have.
inline Bytes delta(std::uint32_t changed, std::uint32_t hosts, std::uint64_t version,
                   Change change) {
  FlatBufferBuilder builder(std::size_t{1} << 20);
  Packer packer(builder);
  std::vector<Offset<wire::Node>> nodes;
  std::vector<Offset<flatbuffers::String>> ids;
  std::vector<Offset<wire::Edge>> edges;
  const auto add_edges = [&](std::uint32_t host, bool all) {
    relations_of(host, hosts, [&](std::uint32_t kind, const Place& from, const Place& to) {
      if (all || to.host < changed) {
        const auto word = builder.CreateSharedString(kinds[kind]);
        const auto source = builder.CreateSharedString(from.id());
        edges.push_back(
            wire::CreateEdge(builder, word, source, builder.CreateSharedString(to.id())));
      }
    });
  };
  for (std::uint32_t host = 0; host < changed; ++host) {
    for (std::uint32_t part = 0; part < entities_per_host; ++part) {
      if (change == Change::vanish) {
        ids.push_back(builder.CreateSharedString(Place{host, part}.id()));
      } else {
        nodes.push_back(packer.pack({host, part}));
      }
    }
    add_edges(host, true);
  }
  add_edges(hosts - 1, false);
  const auto came = builder.CreateVector(nodes);
  const auto went = builder.CreateVector(ids);
  const auto relations = builder.CreateVector(edges);
  wire::TopologyDeltaBuilder message(builder);
  message.add_version(version);
  if (change == Change::vanish) {
    message.add_removed_nodes(went);
    message.add_removed_edges(relations);
  } else {
    message.add_added_nodes(came);
    message.add_added_edges(relations);
  }
  builder.Finish(message.Finish(), wire::TopologyDeltaIdentifier());
  return bytes_of(builder);
}

}  // namespace gala::large_topology
