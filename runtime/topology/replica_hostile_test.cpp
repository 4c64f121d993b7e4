// Messages that verify and say nonsense: bounded, counted, never undefined.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <tuple>

#include "runtime/topology/replica.h"
#include "runtime/topology/replica_testing.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using replica_testing::apply;
using replica_testing::contradiction;
using replica_testing::edge;
using replica_testing::node;

wire::TopologySnapshotT pair() {
  wire::TopologySnapshotT snapshot;
  snapshot.version = 1;
  snapshot.nodes.push_back(node("p", "proc"));
  snapshot.nodes.push_back(node("h", "host"));
  snapshot.kinds = {"runs_on"};
  snapshot.edges.emplace_back(0, 0, 1);
  return snapshot;
}

TEST(ReplicaHostile, CountsWhatMakesNoSense) {
  Replica replica({.entities = 3, .entity_bytes = 100});
  wire::TopologySnapshotT snapshot = pair();
  snapshot.nodes.push_back(node("", "proc"));
  snapshot.nodes.push_back(node(std::string(101, 'x'), "proc"));
  snapshot.nodes.push_back(node("x", "proc", {{"cmdline", std::string(200, 'x')}, {"a", "b"}}));
  snapshot.nodes.push_back(node("y", "proc"));
  snapshot.nodes.push_back(node("p", "proc"));
  snapshot.edges.emplace_back(7, 0, 1);
  snapshot.edges.emplace_back(0, 4'000'000'000U, 1);
  snapshot.edges.emplace_back(0, 2, 1);
  snapshot.edges.emplace_back(0, 0, 1);
  apply(replica, snapshot);
  const Replica::Counts& counts = replica.counts();
  EXPECT_EQ(replica.entity_count(), 3U);
  EXPECT_EQ(replica.relation_count(), 1U);
  EXPECT_EQ(counts.bad_entities, 2U);
  EXPECT_EQ(counts.entities_beyond, 1U);
  EXPECT_EQ(counts.loose_relations, 3U);
  EXPECT_EQ(counts.labels_beyond, 1U);
  EXPECT_EQ(counts.repeated, 2U);
  EXPECT_EQ(counts.refused(), 7U);
  EXPECT_EQ(replica.node(*replica.find("x")).label("a"), "b");
  EXPECT_EQ(contradiction(replica), "");
}

TEST(ReplicaHostile, CountsDeltasAboutWhatIsNotThere) {
  Replica replica({});
  apply(replica, pair());
  wire::TopologyDeltaT delta;
  delta.version = 2;
  delta.removed_nodes = {"nobody", ""};
  delta.removed_edges.push_back(edge("p", "no_such", "h"));
  delta.removed_edges.push_back(edge("h", "runs_on", "p"));
  delta.added_edges.push_back(edge("p", "runs_on", "nobody"));
  delta.added_edges.push_back(edge("p", "runs_on", "h"));
  apply(replica, delta);
  EXPECT_EQ(replica.counts().unknown_ends, 4U);
  EXPECT_EQ(replica.counts().loose_relations, 1U);
  EXPECT_EQ(replica.counts().repeated, 1U);
  EXPECT_EQ(replica.relation_count(), 1U);
  EXPECT_FALSE(replica.find_kind("no_such")) << "an end teaches no word";
}

TEST(ReplicaHostile, SurvivesMessagesWithoutParts) {
  Replica replica({.apply_after_gap = true});
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::CreateTopologySnapshot(builder));
  replica.apply(*flatbuffers::GetRoot<wire::TopologySnapshot>(builder.GetBufferPointer()));
  builder.Clear();
  builder.Finish(wire::CreateTopologyDelta(builder));
  replica.apply(*flatbuffers::GetRoot<wire::TopologyDelta>(builder.GetBufferPointer()));
  EXPECT_EQ(replica.entity_count(), 0U);
}

TEST(ReplicaHostile, BoundsWordsEntitiesAndRelations) {
  constexpr std::size_t many = 5000;
  Replica replica({.entities = 1000, .relations = 500});
  wire::TopologySnapshotT snapshot;
  for (std::size_t i = 0; i < many; ++i) {
    const std::string number = std::to_string(i);
    snapshot.nodes.push_back(node("n" + number, i < 900 ? "proc" : "type" + number));
    snapshot.kinds.push_back("kind" + number);
    snapshot.edges.emplace_back(i, i % 900, (i + 1) % 900);
  }
  apply(replica, snapshot);
  EXPECT_LE(replica.entity_count(), 1000U);
  EXPECT_LE(replica.relation_count(), 500U);
  EXPECT_LE(replica.type_count(), 1024U);
  EXPECT_GT(replica.counts().words_beyond, many / 2);
  EXPECT_GT(replica.counts().entities_beyond, 0U);
  EXPECT_EQ(contradiction(replica), "");
}

// A relation of an entity with itself is at both of its ends in one list.
TEST(ReplicaHostile, DropsWhatLeadsToItself) {
  Replica replica({});
  wire::TopologySnapshotT snapshot = pair();
  snapshot.kinds = {"runs_on", "connect", "uses"};
  snapshot.edges = {{1, 0, 0}, {0, 0, 1}, {2, 0, 0}};
  apply(replica, snapshot);
  EXPECT_EQ(contradiction(replica), "");
  wire::TopologyDeltaT delta;
  delta.version = 2;
  delta.removed_edges.push_back(edge("p", "connect", "p"));
  apply(replica, delta);
  EXPECT_EQ(contradiction(replica), "");
  delta = {};
  delta.version = 3;
  delta.removed_nodes = {"p"};
  apply(replica, delta);
  EXPECT_EQ(replica.relation_count(), 0U);
  EXPECT_EQ(contradiction(replica), "");
}

// Each of two machines says all that it knows: the one ends what the other has, and it shows.
TEST(ReplicaHostile, ShowsThatTwoProducersFeedIt) {
  Replica replica({.linger = 10s});
  wire::TopologySnapshotT other;
  other.version = 1;
  other.nodes.push_back(node("m2_p", "proc"));
  for (int round = 0; round < 3; ++round) {
    apply(replica, pair(), BootTime{100s});
    apply(replica, other, BootTime{100s});
  }
  EXPECT_EQ(replica.counts().restarts, 5U);
  EXPECT_EQ(replica.entity_count(), 3U);
  replica.forget(BootTime{111s});
  EXPECT_EQ(replica.entity_count(), 1U);
  EXPECT_EQ(contradiction(replica), "");
}

/// What a replica should know, without limits, linger or speed.
struct Plain {
  std::map<std::string, std::string> entities;
  std::set<std::tuple<std::string, std::string, std::string>> relations;

  void apply(const wire::TopologyDeltaT& delta) {
    for (const auto& edge : delta.removed_edges) {
      relations.erase({edge->from, edge->kind, edge->to});
    }
    for (const std::string& id : delta.removed_nodes) {
      entities.erase(id);
      std::erase_if(relations, [&](const auto& one) {
        return std::get<0>(one) == id || std::get<2>(one) == id;
      });
    }
    for (const auto& node : delta.added_nodes) {
      entities[node->entity_id] = node->entity;
    }
    for (const auto& edge : delta.added_edges) {
      if (entities.contains(edge->from) && entities.contains(edge->to)) {
        relations.emplace(edge->from, edge->kind, edge->to);
      }
    }
  }
};

Plain plain_of(const Replica& replica) {
  Plain plain;
  for (Replica::Index index = 0; index < replica.positions(); ++index) {
    if (!replica.known(index) || replica.ended(index)) {
      continue;
    }
    const std::string id(replica.node(index).id);
    plain.entities[id] = replica.node(index).entity;
    for (const Link& link : replica.links(index)) {
      if (link.forward && !link.ended) {
        plain.relations.emplace(id, replica.kind_word(link.kind), replica.node(link.other).id);
      }
    }
  }
  return plain;
}

class Random {
 public:
  wire::TopologyDeltaT delta(std::uint64_t version) {
    wire::TopologyDeltaT out;
    out.version = version;
    for (unsigned i = 0; i < 6; ++i) {
      out.removed_edges.push_back(edge(id(), kind(), id()));
      out.added_edges.push_back(edge(id(), kind(), id()));
    }
    out.removed_nodes = {id()};
    out.added_nodes.push_back(node(id(), below(2) == 0 ? "proc" : "host"));
    out.added_nodes.push_back(node(id(), "proc"));
    return out;
  }

 private:
  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(engine_() % limit); }
  std::string id() { return "n" + std::to_string(below(20)); }
  std::string kind() { return "k" + std::to_string(below(3)); }

  std::mt19937 engine_{1};
};

TEST(ReplicaHostile, KnowsWhatAPlainCopyKnows) {
  Random random;
  Replica exact({});
  Replica lingers({.linger = 3s});
  Plain plain;
  apply(exact, wire::TopologySnapshotT{});
  apply(lingers, wire::TopologySnapshotT{});
  for (std::uint64_t version = 1; version < 500; ++version) {
    const wire::TopologyDeltaT delta = random.delta(version);
    const BootTime now{std::chrono::seconds{version}};
    apply(exact, delta, now);
    apply(lingers, delta, now);
    lingers.forget(now);
    plain.apply(delta);
    ASSERT_EQ(contradiction(exact) + contradiction(lingers), "") << version;
    ASSERT_EQ(plain_of(exact).entities, plain.entities) << version;
    ASSERT_EQ(plain_of(exact).relations, plain.relations) << version;
    ASSERT_EQ(plain_of(lingers).entities, plain.entities) << version;
  }
  EXPECT_EQ(exact.counts().gaps, 0U);
}

}  // namespace
}  // namespace gala
