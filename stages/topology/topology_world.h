// A topology with a model, a clock and a consumer that applies what is sent: for tests.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "stages/topology/topology.h"

namespace gala::topology_test {

using namespace std::chrono_literals;

inline constexpr std::string_view attribute_text = "\nabout = \"a\"\n";

/// An entity file with keys, labels, and what else is given as TOML.
inline SourceText entity_file(const std::string& name, const std::vector<std::string>& keys,
                              const std::vector<std::string>& labels, const std::string& rest) {
  std::string text = "[entity]\nabout = \"a\"\nzh = \"a\"\nlevel = \"process\"\nexpire = \"10s\"\n";
  for (const std::string& key : keys) {
    text.append("[key." + key + "]").append(attribute_text);
  }
  for (const std::string& label : labels) {
    text.append("[label." + label + "]").append(attribute_text);
  }
  return {name + ".toml", text + rest};
}

inline constexpr const char* table = "[table.main]\nfrom = \"probe.main\"\n";

inline Model test_model() {
  const std::string measured = table;
  const std::vector<SourceText> files{
      entity_file("host", {"os_version"}, {}, measured), entity_file("pod", {"pod_id"}, {"pod"}, R"(
[[relation]]
kind = "connect"
to = "pod"
indirect = true
)"),
      entity_file("container", {"container_id"}, {"pod_id", "pod"}, measured + R"(
[[relation]]
kind = "belongs_to"
to = "pod"
match = { pod_id = "pod_id" }
[[relation]]
kind = "connect"
to = "proc"
indirect = true
)"),
      entity_file("proc", {"tgid"}, {"comm", "container_id"}, measured + R"(
[[relation]]
kind = "runs_on"
to = "host"
absent = ["container_id"]
[[relation]]
kind = "belongs_to"
to = "container"
match = { container_id = "container_id" }
[[relation]]
kind = "connect"
to = "proc"
indirect = true
)"),
      entity_file("tcp_link",
                  {"tgid", "role", "client_ip", "server_ip", "client_port", "server_port"}, {},
                  measured + R"(
[[relation]]
kind = "belongs_to"
to = "proc"
match = { tgid = "tgid" }
[[relation]]
kind = "is_peer"
to = "tcp_link"
match = { server_ip = "server_ip", server_port = "server_port", client_ip = "client_ip" }
match_present = { client_port = "client_port" }
where = { role = "client" }
to_where = { role = "server" }
across_hosts = true
)")};
  Diagnostics diagnostics;
  Model model = Model::parse(files, diagnostics);
  return model;
}

using Labels = std::vector<std::pair<std::string, std::string>>;

/// What a consumer knows after applying the messages of a port, as sorted texts.
struct Consumer {
  std::map<std::string, std::map<std::string, std::string>> nodes;
  std::set<std::string> edges;
  std::uint64_t version = 0;
  std::size_t deltas = 0;
  std::size_t snapshots = 0;

  void apply(const Outbox& out) {
    for (const Outgoing& item : out.items()) {
      flatbuffers::Verifier verifier(item.payload.data(), item.payload.size());
      if (item.type == wire::MessageType::topology_snapshot) {
        ASSERT_TRUE(wire::VerifyTopologySnapshotBuffer(verifier));
        apply(*wire::GetTopologySnapshot(item.payload.data()));
      } else {
        ASSERT_TRUE(wire::VerifyTopologyDeltaBuffer(verifier));
        apply(*wire::GetTopologyDelta(item.payload.data()));
      }
    }
  }

  void add(const wire::Node& node) {
    auto& labels = nodes[node.entity_id()->str()];
    labels.clear();
    for (const wire::Label* label : *node.labels()) {
      labels[label->name()->str()] = label->value()->str();
    }
  }

  void apply(const wire::TopologySnapshot& snapshot) {
    nodes.clear();
    edges.clear();
    version = snapshot.version();
    ++snapshots;
    for (const wire::Node* node : *snapshot.nodes()) {
      add(*node);
    }
    for (const wire::EdgeIndex* edge : *snapshot.edges()) {
      edges.insert(snapshot.nodes()->Get(edge->from())->entity_id()->str() + " " +
                   snapshot.kinds()->Get(edge->kind())->str() + " " +
                   snapshot.nodes()->Get(edge->to())->entity_id()->str());
    }
  }

  void apply(const wire::TopologyDelta& delta) {
    EXPECT_EQ(delta.version(), version + 1);
    version = delta.version();
    ++deltas;
    const auto text = [](const wire::Edge* edge) {
      return edge->from()->str() + " " + edge->kind()->str() + " " + edge->to()->str();
    };
    for (const wire::Edge* edge : *delta.removed_edges()) {
      EXPECT_EQ(edges.erase(text(edge)), 1U) << text(edge);
    }
    for (const flatbuffers::String* id : *delta.removed_nodes()) {
      EXPECT_EQ(nodes.erase(id->str()), 1U) << id->str();
    }
    for (const wire::Node* node : *delta.added_nodes()) {
      add(*node);
    }
    for (const wire::Edge* edge : *delta.added_edges()) {
      EXPECT_TRUE(edges.insert(text(edge)).second) << text(edge);
    }
  }
};

/// A topology with a clock and a consumer.
class World {
 public:
  explicit World(Topology::Config config = {})
      : topology_(config, {model_, "m1", "test", "topology", 1s, "", ""}) {}

  std::string see(const std::string& machine, const std::string& entity, const Labels& labels,
                  const std::vector<std::string>& ended = {}) {
    const Entity* type = model_.find(entity);
    std::vector<std::string> keys;
    for (const Attribute& key : type->keys) {
      for (const auto& [name, value] : labels) {
        if (name == key.name) {
          keys.push_back(value);
        }
      }
    }
    const std::string id = entity_id(machine, entity, keys);
    Batch batch;
    add_text(batch, "entity_id", id);
    for (const auto& [name, value] : labels) {
      add_text(batch, name, value);
    }
    send(to_observations(batch, entity, "main", {machine, 0, clock_.boot.ns(), 0, 0}, ended));
    return id;
  }

  void end(const std::string& id) {
    send(to_observations(Batch{}, "proc", "main", {"m1", 0, 0, 0, 0}, std::vector{id}));
  }

  void send(const std::vector<std::uint8_t>& payload) {
    topology_.on(*flatbuffers::GetRoot<wire::Observations>(payload.data()), Envelope{}, out_);
  }

  void pass(Duration time = 1s) {
    clock_.boot = clock_.boot + time;
    topology_.tick(clock_, out_);
    consumer.apply(out_);
    out_.clear();
  }

  Topology& topology() { return topology_; }

  Consumer consumer;

 private:
  static void add_text(Batch& batch, const std::string& name, const std::string& value) {
    Column& column =
        batch.column(batch.add_column(name, wire::ColumnKind::text, wire::ColumnRole::label));
    column.add(std::string_view(value));
  }

  Model model_ = test_model();
  Topology topology_;
  Instant clock_{BootTime{1000s}, WallTime{2'000'000s}};
  Outbox out_;
};

/// Labels of one end of a connection to port 6379.
inline Labels link(const std::string& tgid, const std::string& role, const std::string& client,
                   const std::string& server, const std::string& client_port = "0") {
  return {{"tgid", tgid},
          {"role", role},
          {"client_ip", client},
          {"server_ip", server},
          {"client_port", client_port},
          {"server_port", "6379"}};
}

}  // namespace gala::topology_test
