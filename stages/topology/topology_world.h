// A topology with a model, a clock and a consumer that applies what is sent: for tests and benches.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "stages/topology/topology.h"

namespace gala::topology::topology_test {

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

/// An entity of no machine, without tables.
inline SourceText shared_file(const std::string& name, const std::vector<std::string>& keys) {
  SourceText file = entity_file(name, keys, {}, "");
  file.text.insert(file.text.find('\n') + 1, "shared = true\n");
  return file;
}

/// What indirect relations are derived from.
inline SourceText relation_kinds_file() {
  SourceText file{"relations.toml", "[kind]\n"};
  for (const char* kind : {"is_client", "is_server", "runs_on", "connect"}) {
    file.text.append(kind).append(" = { about = \"a\", zh = \"a\" }\n");
  }
  file.text +=
      "belongs_to = { role = \"part\", about = \"a\", zh = \"a\" }\n"
      "is_peer = { role = \"peer\", about = \"a\", zh = \"a\" }\n";
  return file;
}

inline SourceText link_file() {
  return entity_file("tcp_link",
                     {"tgid", "role", "client_ip", "server_ip", "client_port", "server_port"}, {},
                     table + std::string(R"(
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
[[relation]]
kind = "is_client"
to = "balancer"
match = { client_ip = "client_ip", server_ip = "virtual_ip", server_port = "virtual_port" }
where = { role = "client" }
across_hosts = true
[[relation]]
kind = "is_server"
to = "balancer"
match = { client_ip = "local_ip", server_ip = "server_ip", server_port = "server_port" }
where = { role = "server" }
across_hosts = true
[[relation]]
kind = "is_peer"
to = "tcp_link"
via = [">is_client:balancer", "<is_server:tcp_link"]
[[relation]]
kind = "is_peer"
to = "external"
match = { server_ip = "server_ip", server_port = "server_port" }
where = { role = "client" }
alone = true
)"));
}

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
[[relation]]
kind = "connect"
to = "external"
indirect = true
)"),
      link_file(),
      // What rewrites addresses: one connection as it is known on both of its sides.
      entity_file(
          "balancer",
          {"client_ip", "virtual_ip", "virtual_port", "local_ip", "server_ip", "server_port"}, {},
          measured),
      shared_file("external", {"server_ip", "server_port"}), relation_kinds_file()};
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
  /// What no producer may send.
  std::vector<std::string> mistakes;

  void check(bool holds, const std::string& mistake) {
    if (!holds) {
      mistakes.push_back(mistake);
    }
  }

  void apply(const Outbox& out) {
    for (const Outgoing& item : out.items()) {
      flatbuffers::Verifier verifier(item.payload.data(), item.payload.size());
      if (item.type == wire::MessageType::topology_snapshot) {
        check(wire::VerifyTopologySnapshotBuffer(verifier), "a snapshot does not verify");
        apply(*wire::GetTopologySnapshot(item.payload.data()));
      } else {
        check(wire::VerifyTopologyDeltaBuffer(verifier), "a delta does not verify");
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
    check(delta.version() == version + 1, "a version is missing");
    version = delta.version();
    ++deltas;
    const auto text = [](const wire::Edge* edge) {
      return edge->from()->str() + " " + edge->kind()->str() + " " + edge->to()->str();
    };
    for (const wire::Edge* edge : *delta.removed_edges()) {
      check(edges.erase(text(edge)) == 1, "removed twice: " + text(edge));
    }
    for (const flatbuffers::String* id : *delta.removed_nodes()) {
      check(nodes.erase(id->str()) == 1, "removed twice: " + id->str());
    }
    for (const wire::Node* node : *delta.added_nodes()) {
      add(*node);
    }
    for (const wire::Edge* edge : *delta.added_edges()) {
      check(edges.insert(text(edge)).second, "added twice: " + text(edge));
    }
  }
};

/// Rows of one table of one machine, all keys and labels as text.
class Rows {
 public:
  explicit Rows(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      batch_.add_column(name, wire::ColumnKind::text, wire::ColumnRole::label);
    }
  }

  void add(const std::vector<std::string>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      batch_.column(i).add(std::string_view(values[i]));
    }
  }

  [[nodiscard]] std::vector<std::uint8_t> message(
      const std::string& entity, const std::string& machine, std::uint64_t end_ns = 1'000'000'000,
      const std::vector<std::string>& ended = {}) const {
    return to_observations(batch_, entity, "main", {machine, 0, end_ns, 0, 0}, ended);
  }

 private:
  Batch batch_;
};

/// A topology with a clock; what it sends is in `out` until the next tick.
class Clocked {
 public:
  Clocked(Model model, Topology::Config config)
      : model_(std::move(model)),
        topology_(config, {model_, "m1", "test", "topology", 1s, "", ""}) {}

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
    std::vector<std::string> names{"entity_id"};
    std::vector<std::string> values{id};
    for (const auto& [name, value] : labels) {
      names.push_back(name);
      values.push_back(value);
    }
    Rows rows(names);
    rows.add(values);
    send(rows.message(entity, machine, clock_.boot.ns(), ended));
    return id;
  }

  void end(const std::vector<std::string>& ids) { send(Rows({}).message("proc", "m1", 0, ids)); }

  void send(const std::vector<std::uint8_t>& payload) {
    topology_.on(*flatbuffers::GetRoot<wire::Observations>(payload.data()), Envelope{}, out);
  }

  void tick(Duration time = 1s) {
    out.clear();
    clock_.boot = clock_.boot + time;
    topology_.tick(clock_, out);
  }

  Topology& topology() { return topology_; }

  Outbox out;

 private:
  Model model_;
  Topology topology_;
  Instant clock_{BootTime{1000s}, WallTime{2'000'000s}};
};

/// One whose consumer applies what is sent.
class World : public Clocked {
 public:
  explicit World(Topology::Config config = {}) : World(test_model(), config) {}
  World(Model model, Topology::Config config) : Clocked(std::move(model), config) {}

  void end(const std::string& id) { Clocked::end({id}); }

  void pass(Duration time = 1s) {
    tick(time);
    consumer.apply(out);
  }

  Consumer consumer;
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

}  // namespace gala::topology::topology_test
