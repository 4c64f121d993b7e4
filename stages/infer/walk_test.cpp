// Ways over the topology, along and against relations.
#include "stages/infer/walk.h"

#include <gtest/gtest.h>

#include "runtime/topology/replica_testing.h"

namespace gala::infer {
namespace {

using namespace std::chrono_literals;
using replica_testing::apply;
using replica_testing::edge;
using replica_testing::node;
using Ids = std::vector<std::string>;

/// proc p runs on host h.
Replica small_graph(Duration linger = 0s) {
  wire::TopologySnapshotT snapshot;
  snapshot.version = 1;
  snapshot.nodes.push_back(node("p", "proc"));
  snapshot.nodes.push_back(node("h", "host"));
  snapshot.kinds = {"runs_on"};
  snapshot.edges.emplace_back(0, 0, 1);
  Replica graph({.linger = linger});
  apply(graph, snapshot);
  return graph;
}

Ids ids(const Replica& graph, const std::string& from, const std::vector<Hop>& path) {
  Ids out;
  for (const GraphIndex index : walk(graph, *graph.find(from), path)) {
    out.emplace_back(graph.node(index).id);
  }
  return out;
}

TEST(Walk, GoesAlongAndAgainstRelations) {
  const Replica graph = small_graph();
  EXPECT_EQ(ids(graph, "p", {{"runs_on", true, ""}}), Ids{"h"});
  EXPECT_EQ(ids(graph, "h", {{"runs_on", false, "proc"}}), Ids{"p"});
  EXPECT_EQ(ids(graph, "h", {{"runs_on", false, "host"}}), Ids{});
  EXPECT_EQ(ids(graph, "h", {{"runs_on", false, "disk"}}), Ids{});
  EXPECT_EQ(ids(graph, "p", {{"no_such", true, ""}}), Ids{});
  EXPECT_EQ(ids(graph, "p", {{"runs_on", true, ""}, {"runs_on", false, ""}}), Ids{"p"});
  EXPECT_EQ(ids(graph, "p", {}), Ids{"p"});
}

// What just ended may be the cause.
TEST(Walk, FindsWhatEndedAMomentAgo) {
  Replica graph = small_graph(10s);
  wire::TopologyDeltaT delta;
  delta.version = 2;
  delta.removed_nodes = {"p"};
  delta.removed_edges.push_back(edge("p", "runs_on", "h"));
  apply(graph, delta, BootTime{100s});
  EXPECT_EQ(ids(graph, "h", {{"runs_on", false, ""}}), Ids{"p"});
  graph.forget(BootTime{111s});
  EXPECT_EQ(ids(graph, "h", {{"runs_on", false, ""}}), Ids{});
}

}  // namespace
}  // namespace gala::infer
