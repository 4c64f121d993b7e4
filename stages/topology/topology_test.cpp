// The topology from observations: every kind of join, what changes, what ends, what is refused.
#include "stages/topology/topology.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace gala {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view attribute_text = "\nabout = \"a\"\n";

/// An entity file with keys, labels, and what else is given as TOML.
SourceText entity_file(const std::string& name, const std::vector<std::string>& keys,
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

constexpr const char* table = "[table.main]\nfrom = \"probe.main\"\n";

Model test_model() {
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

Labels link(const std::string& tgid, const std::string& role, const std::string& client,
            const std::string& server, const std::string& client_port = "0") {
  return {{"tgid", tgid},
          {"role", role},
          {"client_ip", client},
          {"server_ip", server},
          {"client_port", client_port},
          {"server_port", "6379"}};
}

TEST(Topology, RelatesEntitiesOfOneMachineOnly) {
  World world;
  const auto host = world.see("m1", "host", {{"os_version", "12"}});
  world.see("m2", "host", {{"os_version", "12"}});
  const auto proc = world.see("m1", "proc", {{"tgid", "7"}});
  world.pass();
  EXPECT_EQ(world.consumer.edges, std::set<std::string>{proc + " runs_on " + host});
}

TEST(Topology, DoesNotMatchAbsentValues) {
  World world;
  // Both have an empty container_id: the older system took null for equal to null.
  world.see("m1", "container", {{"container_id", ""}});
  world.see("m1", "proc", {{"tgid", "7"}, {"container_id", ""}});
  world.see("m1", "container", {{"container_id", "c1"}, {"pod_id", ""}});
  world.pass();
  EXPECT_TRUE(world.consumer.edges.empty());
}

TEST(Topology, JoinsWhicheverSideComesFirst) {
  World world;
  const auto proc = world.see("m1", "proc", {{"tgid", "7"}, {"container_id", "c1"}});
  world.pass();
  EXPECT_TRUE(world.consumer.edges.empty());
  const auto container = world.see("m1", "container", {{"container_id", "c1"}});
  world.pass();
  EXPECT_EQ(world.consumer.edges, std::set<std::string>{proc + " belongs_to " + container});
}

TEST(Topology, FindsPeersAcrossMachines) {
  World world;
  const auto client = world.see("m1", "tcp_link", link("7", "client", "10.0.0.1", "10.0.0.2"));
  const auto server = world.see("m2", "tcp_link", link("9", "server", "10.0.0.1", "10.0.0.2"));
  world.see("m2", "tcp_link", link("9", "server", "10.0.0.3", "10.0.0.2"));
  world.pass();
  EXPECT_EQ(world.consumer.edges, std::set<std::string>{client + " is_peer " + server});
}

TEST(Topology, KeepsLoopbackPeersWithinTheirMachine) {
  World world;
  const auto client = world.see("m1", "tcp_link", link("7", "client", "127.0.0.1", "127.0.0.1"));
  const auto server = world.see("m1", "tcp_link", link("9", "server", "127.0.0.1", "127.0.0.1"));
  world.see("m2", "tcp_link", link("9", "server", "127.0.0.1", "127.0.0.1"));
  world.pass();
  EXPECT_EQ(world.consumer.edges, std::set<std::string>{client + " is_peer " + server});
}

TEST(Topology, ComparesTheClientPortOnlyWhereBothSidesHaveIt) {
  World world;
  const auto c1 = world.see("m1", "tcp_link", link("7", "client", "10.0.0.1", "10.0.0.2", "4001"));
  const auto c2 = world.see("m1", "tcp_link", link("8", "client", "10.0.0.1", "10.0.0.2", "4002"));
  const auto c0 = world.see("m1", "tcp_link", link("6", "client", "10.0.0.1", "10.0.0.2", "0"));
  const auto s1 = world.see("m2", "tcp_link", link("9", "server", "10.0.0.1", "10.0.0.2", "4001"));
  const auto s0 = world.see("m2", "tcp_link", link("5", "server", "10.0.0.1", "10.0.0.2", "0"));
  world.pass();
  EXPECT_EQ(
      world.consumer.edges,
      (std::set<std::string>{c1 + " is_peer " + s1, c1 + " is_peer " + s0, c2 + " is_peer " + s0,
                             c0 + " is_peer " + s1, c0 + " is_peer " + s0}));
}

TEST(Topology, ConnectsOutermostOwnersOfPeers) {
  World world;
  world.see("m1", "proc", {{"tgid", "7"}, {"container_id", "c1"}});
  const auto container = world.see("m1", "container", {{"container_id", "c1"}});
  const auto server_proc = world.see("m2", "proc", {{"tgid", "9"}});
  world.see("m1", "tcp_link", link("7", "client", "10.0.0.1", "10.0.0.2"));
  const auto server = world.see("m2", "tcp_link", link("9", "server", "10.0.0.1", "10.0.0.2"));
  world.pass();
  EXPECT_TRUE(world.consumer.edges.contains(container + " connect " + server_proc));
  world.end(server);
  world.pass();
  EXPECT_FALSE(world.consumer.edges.contains(container + " connect " + server_proc));
}

TEST(Topology, MovesAConnectionWhenAnOwnerAppears) {
  World world;
  const auto client_proc = world.see("m1", "proc", {{"tgid", "7"}});
  const auto server_proc = world.see("m2", "proc", {{"tgid", "9"}});
  world.see("m1", "tcp_link", link("7", "client", "10.0.0.1", "10.0.0.2"));
  world.see("m2", "tcp_link", link("9", "server", "10.0.0.1", "10.0.0.2"));
  world.pass();
  ASSERT_TRUE(world.consumer.edges.contains(client_proc + " connect " + server_proc));
  const auto container = world.see("m1", "container", {{"container_id", "c1"}});
  world.see("m1", "proc", {{"tgid", "7"}, {"container_id", "c1"}});
  world.pass();
  EXPECT_FALSE(world.consumer.edges.contains(client_proc + " connect " + server_proc));
  EXPECT_TRUE(world.consumer.edges.contains(container + " connect " + server_proc));
}

TEST(Topology, MakesLogicalEntitiesWhileSomethingBelongsToThem) {
  World world;
  const auto container =
      world.see("m1", "container", {{"container_id", "c1"}, {"pod_id", "p1"}, {"pod", "shop"}});
  world.pass();
  ASSERT_TRUE(world.consumer.nodes.contains("m1_pod_p1"));
  EXPECT_EQ(world.consumer.nodes["m1_pod_p1"]["pod"], "shop");
  EXPECT_TRUE(world.consumer.edges.contains(container + " belongs_to m1_pod_p1"));
  world.end(container);
  world.pass();
  world.pass();
  EXPECT_TRUE(world.consumer.nodes.empty());
}

TEST(Topology, SendsOnlyWhatChanged) {
  World world;
  world.see("m1", "host", {{"os_version", "12"}});
  world.see("m1", "proc", {{"tgid", "7"}});
  world.pass();
  EXPECT_EQ(world.consumer.snapshots, 1U);
  world.see("m1", "proc", {{"tgid", "7"}});
  world.pass();
  EXPECT_EQ(world.consumer.deltas, 0U);
  world.see("m1", "proc", {{"tgid", "7"}, {"comm", "redis"}});
  world.pass();
  EXPECT_EQ(world.consumer.deltas, 1U);
  EXPECT_EQ(world.consumer.nodes["m1_proc_7"]["comm"], "redis");
  EXPECT_EQ(world.consumer.edges.size(), 1U);
}

TEST(Topology, KeepsALabelThatAnotherTableLacks) {
  World world;
  world.see("m1", "proc", {{"tgid", "7"}, {"comm", "redis"}});
  world.see("m1", "proc", {{"tgid", "7"}, {"comm", ""}});
  world.pass();
  EXPECT_EQ(world.consumer.nodes["m1_proc_7"]["comm"], "redis");
}

TEST(Topology, EndsEntitiesThatEndedOrWereNotSeen) {
  World world;
  const auto one = world.see("m1", "proc", {{"tgid", "1"}});
  world.see("m1", "proc", {{"tgid", "2"}});
  world.see("m1", "host", {{"os_version", "12"}});
  world.pass();
  world.end(one);
  world.pass();
  EXPECT_FALSE(world.consumer.nodes.contains(one));
  world.see("m1", "host", {{"os_version", "12"}});
  world.pass(10s);
  EXPECT_EQ(world.consumer.nodes.size(), 1U);
  EXPECT_TRUE(world.consumer.edges.empty());
}

TEST(Topology, TreatsAReusedIdAsANewEntity) {
  World world;
  const auto host = world.see("m1", "host", {{"os_version", "12"}});
  const auto proc = world.see("m1", "proc", {{"tgid", "7"}, {"comm", "old"}});
  world.pass();
  world.see("m1", "proc", {{"tgid", "7"}, {"container_id", "c1"}}, {proc});
  world.pass();
  EXPECT_EQ(world.consumer.nodes[proc].count("comm"), 0U);
  EXPECT_FALSE(world.consumer.edges.contains(proc + " runs_on " + host));
}

TEST(Topology, RepeatsTheWholeTopologyNowAndThen) {
  World world;
  for (int second = 0; second < 61; ++second) {
    world.see("m1", "proc", {{"tgid", "7"}});
    world.pass();
  }
  EXPECT_EQ(world.consumer.snapshots, 3U);
  EXPECT_EQ(world.consumer.nodes.size(), 1U);
}

TEST(Topology, CountsWhatDoesNotFit) {
  Topology::Config config;
  config.max_nodes = 2;
  config.max_edges = 1;
  World world(config);
  world.see("m1", "host", {{"os_version", "12"}});
  world.see("m1", "proc", {{"tgid", "1"}});
  world.see("m1", "proc", {{"tgid", "2"}});
  world.pass();
  EXPECT_EQ(world.consumer.nodes.size(), 2U);
  SelfReport report;
  world.topology().report(report);
  EXPECT_EQ(report.complaints.size(), 1U);
}

TEST(Topology, EndsAsItBeganUnderChurn) {
  World world;
  for (int round = 0; round < 40; ++round) {
    for (int tgid = 0; tgid < 12; ++tgid) {
      const std::string id = std::to_string((round * 5 + tgid) % 17);
      world.see("m1", "proc", {{"tgid", id}, {"container_id", "c" + std::to_string(round % 3)}});
      world.see("m1", "container",
                {{"container_id", "c" + std::to_string(tgid % 3)}, {"pod_id", "p"}});
      world.see("m1", "tcp_link",
                link(id, tgid % 2 == 0 ? "client" : "server", "10.0.0.1", "10.0.0.2"));
      if (tgid % 5 == round % 5) {
        world.end("m1_proc_" + id);
      }
    }
    world.pass();
    EXPECT_EQ(world.consumer.nodes.size(), world.topology().node_count());
    EXPECT_EQ(world.consumer.edges.size(), world.topology().edge_count());
  }
  world.pass(11s);
  world.pass();
  EXPECT_TRUE(world.consumer.nodes.empty());
  EXPECT_TRUE(world.consumer.edges.empty());
  EXPECT_EQ(world.topology().edge_count(), 0U);
}

TEST(Topology, SurvivesRowsThatSayNothing) {
  World world;
  Batch batch;
  batch.column(batch.add_column("entity_id", wire::ColumnKind::integer)).add(std::uint64_t{4});
  world.send(to_observations(batch, "proc", "main", {"m1", 0, 0, 0, 0}));
  world.send(to_observations(Batch{}, "no_such_entity", "main", {"m1", 0, 0, 0, 0}));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::ObservationsBuilder(builder).Finish());
  world.send({builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()});
  world.pass();
  EXPECT_TRUE(world.consumer.nodes.empty());
}

}  // namespace
}  // namespace gala
