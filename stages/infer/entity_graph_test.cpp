// The copy of the topology: snapshots, deltas, gaps, hostile messages, what lingers.
#include "stages/infer/entity_graph.h"

#include <gtest/gtest.h>

#include <memory>

namespace gala::infer {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<wire::NodeT> node(const std::string& id, const std::string& entity) {
  auto out = std::make_unique<wire::NodeT>();
  out->entity_id = id;
  out->entity = entity;
  return out;
}

std::unique_ptr<wire::EdgeT> edge(const std::string& from, const std::string& kind,
                                  const std::string& to) {
  auto out = std::make_unique<wire::EdgeT>();
  out->kind = kind;
  out->from = from;
  out->to = to;
  return out;
}

template <class Message, class Object>
void apply(EntityGraph& graph, const Object& object, BootTime now) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Message::Pack(builder, &object));
  graph.apply(*flatbuffers::GetRoot<Message>(builder.GetBufferPointer()), now);
}

/// proc p runs on host h.
wire::TopologySnapshotT small_snapshot() {
  wire::TopologySnapshotT snapshot;
  snapshot.version = 1;
  snapshot.nodes.push_back(node("p", "proc"));
  snapshot.nodes.push_back(node("h", "host"));
  snapshot.kinds = {"runs_on"};
  snapshot.edges.emplace_back(0, 0, 1);
  return snapshot;
}

std::vector<std::string> walk(const EntityGraph& graph, const std::string& from,
                              const std::vector<Hop>& path) {
  std::vector<std::string> ids;
  for (const GraphIndex index : graph.walk(*graph.find(from), path)) {
    ids.push_back(graph.node(index).id);
  }
  return ids;
}

using Ids = std::vector<std::string>;

TEST(EntityGraph, WalksAlongAndAgainstRelations) {
  EntityGraph graph({});
  apply<wire::TopologySnapshot>(graph, small_snapshot(), BootTime{});
  EXPECT_EQ(walk(graph, "p", {{"runs_on", true, ""}}), Ids{"h"});
  EXPECT_EQ(walk(graph, "h", {{"runs_on", false, "proc"}}), Ids{"p"});
  EXPECT_EQ(walk(graph, "h", {{"runs_on", false, "disk"}}), Ids{});
  EXPECT_EQ(walk(graph, "p", {{"no_such", true, ""}}), Ids{});
  EXPECT_EQ(walk(graph, "p", {{"runs_on", true, ""}, {"runs_on", false, ""}}), Ids{"p"});
  EXPECT_EQ(walk(graph, "p", {}), Ids{"p"});
}

TEST(EntityGraph, AppliesDeltasInOrder) {
  EntityGraph graph({});
  apply<wire::TopologySnapshot>(graph, small_snapshot(), BootTime{});
  EXPECT_TRUE(graph.complete());
  wire::TopologyDeltaT delta;
  delta.version = 2;
  delta.added_nodes.push_back(node("q", "proc"));
  delta.added_edges.push_back(edge("q", "runs_on", "h"));
  apply<wire::TopologyDelta>(graph, delta, BootTime{});
  EXPECT_TRUE(graph.complete());
  EXPECT_EQ(walk(graph, "h", {{"runs_on", false, ""}}), (Ids{"p", "q"}));
}

TEST(EntityGraph, KnowsThatADeltaIsMissing) {
  EntityGraph graph({});
  EXPECT_FALSE(graph.complete());
  apply<wire::TopologySnapshot>(graph, small_snapshot(), BootTime{});
  wire::TopologyDeltaT delta;
  delta.version = 3;
  apply<wire::TopologyDelta>(graph, delta, BootTime{});
  EXPECT_FALSE(graph.complete());
  apply<wire::TopologySnapshot>(graph, small_snapshot(), BootTime{});
  EXPECT_TRUE(graph.complete());
}

TEST(EntityGraph, LetsWhatEndedLinger) {
  EntityGraph graph({.linger = 10s});
  apply<wire::TopologySnapshot>(graph, small_snapshot(), BootTime{});
  wire::TopologyDeltaT delta;
  delta.version = 2;
  delta.removed_nodes = {"p"};
  delta.removed_edges.push_back(edge("p", "runs_on", "h"));
  apply<wire::TopologyDelta>(graph, delta, BootTime{100s});
  graph.forget_old(BootTime{105s});
  EXPECT_EQ(walk(graph, "h", {{"runs_on", false, ""}}), Ids{"p"});
  graph.forget_old(BootTime{111s});
  EXPECT_EQ(graph.node_count(), 1U);
  EXPECT_EQ(graph.edge_count(), 0U);
  EXPECT_EQ(walk(graph, "h", {{"runs_on", false, ""}}), Ids{});
}

TEST(EntityGraph, EndsWhatASnapshotNoLongerHas) {
  EntityGraph graph({.linger = 10s});
  apply<wire::TopologySnapshot>(graph, small_snapshot(), BootTime{});
  apply<wire::TopologySnapshot>(graph, wire::TopologySnapshotT{}, BootTime{100s});
  graph.forget_old(BootTime{111s});
  EXPECT_EQ(graph.node_count(), 0U);
}

TEST(EntityGraph, SurvivesHostileMessages) {
  EntityGraph graph({.nodes = 3});
  wire::TopologySnapshotT snapshot = small_snapshot();
  snapshot.edges.emplace_back(7, 0, 1);
  snapshot.edges.emplace_back(0, 4'000'000'000U, 1);
  snapshot.nodes.push_back(node("", "proc"));
  snapshot.nodes.push_back(node("x", "proc"));
  snapshot.nodes.push_back(node("y", "proc"));
  snapshot.edges.emplace_back(0, 4, 1);
  apply<wire::TopologySnapshot>(graph, snapshot, BootTime{});
  EXPECT_EQ(graph.node_count(), 3U);
  EXPECT_EQ(graph.edge_count(), 1U);
  EXPECT_EQ(graph.refused(), 5U);
  apply<wire::TopologyDelta>(graph, wire::TopologyDeltaT{}, BootTime{});
}

}  // namespace
}  // namespace gala::infer
