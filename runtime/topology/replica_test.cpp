// The copy of the topology: snapshots, deltas, gaps, what lingers.
#include "runtime/topology/replica.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/topology/replica_testing.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using replica_testing::apply;
using replica_testing::contradiction;
using replica_testing::edge;
using replica_testing::node;
using Ids = std::vector<std::string>;

/// proc p runs on host h.
wire::TopologySnapshotT small_snapshot() {
  wire::TopologySnapshotT snapshot;
  snapshot.version = 1;
  snapshot.nodes.push_back(node("m1_p", "proc", {{"comm", "redis"}, {"tgid", "7"}}));
  snapshot.nodes.push_back(node("m1_h", "host"));
  snapshot.nodes[0]->machine_id = "m1";
  snapshot.nodes[1]->machine_id = "elsewhere";
  snapshot.kinds = {"runs_on"};
  snapshot.edges.emplace_back(0, 0, 1);
  return snapshot;
}

wire::TopologyDeltaT delta(std::uint64_t version) {
  wire::TopologyDeltaT out;
  out.version = version;
  return out;
}

/// Ids at the other ends, in the order of the links.
Ids others(const Replica& replica, const std::string& id) {
  Ids out;
  for (const Link& link : replica.links(*replica.find(id))) {
    out.emplace_back(replica.node(link.other).id);
  }
  return out;
}

TEST(Replica, AnswersFromASnapshot) {
  Replica replica({});
  EXPECT_FALSE(replica.complete());
  apply(replica, small_snapshot());
  EXPECT_TRUE(replica.complete());
  const auto p = *replica.find("m1_p");
  const Replica::Node node = replica.node(p);
  EXPECT_EQ(node.entity, "proc");
  EXPECT_EQ(node.machine, "m1");
  EXPECT_EQ(node.label("comm"), "redis");
  EXPECT_EQ(node.label("none"), "");
  ASSERT_EQ(replica.links(p).size(), 1U);
  const Link& link = replica.links(p)[0];
  EXPECT_EQ(replica.kind_word(link.kind), "runs_on");
  EXPECT_TRUE(link.forward);
  EXPECT_EQ(replica.node(link.other).machine, "elsewhere");
  EXPECT_EQ(replica.find("m1"), std::nullopt);
  EXPECT_EQ(contradiction(replica), "");
}

TEST(Replica, AppliesDeltasInOrder) {
  Replica replica({});
  apply(replica, small_snapshot());
  const auto h = replica.find("m1_h");
  wire::TopologyDeltaT came = delta(2);
  came.added_nodes.push_back(node("m1_q", "proc"));
  came.added_edges.push_back(edge("m1_q", "runs_on", "m1_h"));
  apply(replica, came);
  EXPECT_EQ(others(replica, "m1_h"), (Ids{"m1_p", "m1_q"}));
  wire::TopologyDeltaT went = delta(3);
  went.removed_nodes = {"m1_p"};
  went.added_nodes.push_back(node("m1_q", "proc", {{"comm", "nginx"}}));
  apply(replica, went);
  EXPECT_EQ(others(replica, "m1_h"), Ids{"m1_q"});
  EXPECT_EQ(replica.node(*replica.find("m1_q")).label("comm"), "nginx");
  EXPECT_EQ(replica.find("m1_p"), std::nullopt);
  EXPECT_TRUE(replica.complete());
  EXPECT_EQ(replica.revision(), 3U);
  EXPECT_EQ(replica.find("m1_h"), h) << "an index stays";
  EXPECT_EQ(contradiction(replica), "");
}

TEST(Replica, WaitsForASnapshotAfterAGap) {
  Replica replica({});
  wire::TopologyDeltaT early = delta(1);
  early.added_nodes.push_back(node("m1_q", "proc"));
  apply(replica, early);
  EXPECT_EQ(replica.entity_count(), 0U) << "before the first snapshot nothing is known";
  EXPECT_EQ(replica.counts().gaps, 0U);
  apply(replica, small_snapshot());
  wire::TopologyDeltaT late = delta(3);
  late.removed_nodes = {"m1_p"};
  apply(replica, late);
  apply(replica, delta(4));
  EXPECT_FALSE(replica.complete());
  EXPECT_TRUE(replica.find("m1_p"));
  EXPECT_EQ(replica.counts().gaps, 1U);
  EXPECT_EQ(replica.counts().skipped, 3U);
  EXPECT_EQ(replica.revision(), 1U);
  wire::TopologySnapshotT again = small_snapshot();
  again.version = 5;
  apply(replica, again);
  EXPECT_TRUE(replica.complete());
  EXPECT_EQ(replica.counts().restarts, 0U);
}

TEST(Replica, MayGoOnAfterAGap) {
  Replica replica({.apply_after_gap = true});
  apply(replica, small_snapshot());
  wire::TopologyDeltaT late = delta(3);
  late.removed_nodes = {"m1_p"};
  apply(replica, late);
  EXPECT_FALSE(replica.complete());
  EXPECT_FALSE(replica.find("m1_p"));
  EXPECT_EQ(replica.counts().skipped, 0U);
  apply(replica, delta(4));
  EXPECT_FALSE(replica.complete()) << "only a snapshot closes a gap";
}

TEST(Replica, LetsWhatEndedLinger) {
  Replica replica({.linger = 10s});
  apply(replica, small_snapshot());
  wire::TopologyDeltaT went = delta(2);
  went.removed_nodes = {"m1_p"};
  went.removed_edges.push_back(edge("m1_p", "runs_on", "m1_h"));
  apply(replica, went, BootTime{100s});
  replica.forget(BootTime{110s});
  EXPECT_EQ(others(replica, "m1_h"), Ids{"m1_p"});
  EXPECT_TRUE(replica.ended(*replica.find("m1_p")));
  EXPECT_EQ(contradiction(replica), "");
  replica.forget(BootTime{111s});
  EXPECT_EQ(replica.entity_count(), 1U);
  EXPECT_EQ(replica.relation_count(), 0U);
  EXPECT_EQ(contradiction(replica), "");
}

TEST(Replica, ForgetsNothingThatCameBack) {
  Replica replica({.linger = 10s});
  apply(replica, small_snapshot());
  wire::TopologyDeltaT went = delta(2);
  went.removed_nodes = {"m1_p"};
  went.removed_edges.push_back(edge("m1_p", "runs_on", "m1_h"));
  apply(replica, went, BootTime{100s});
  wire::TopologyDeltaT back = delta(3);
  back.added_nodes.push_back(node("m1_p", "proc"));
  back.added_edges.push_back(edge("m1_p", "runs_on", "m1_h"));
  apply(replica, back, BootTime{105s});
  replica.forget(BootTime{200s});
  EXPECT_EQ(others(replica, "m1_h"), Ids{"m1_p"});
  EXPECT_FALSE(replica.ended(*replica.find("m1_p")));
}

TEST(Replica, EndsWhatASnapshotNoLongerHas) {
  Replica lingers({.linger = 10s});
  Replica exact({});
  for (Replica* replica : {&lingers, &exact}) {
    apply(*replica, small_snapshot());
    wire::TopologySnapshotT smaller = small_snapshot();
    smaller.version = 2;
    smaller.nodes.erase(smaller.nodes.begin());
    smaller.edges.clear();
    apply(*replica, smaller, BootTime{100s});
  }
  EXPECT_EQ(exact.entity_count(), 1U);
  EXPECT_EQ(exact.relation_count(), 0U);
  EXPECT_EQ(others(lingers, "m1_h"), Ids{"m1_p"});
  lingers.forget(BootTime{111s});
  EXPECT_EQ(lingers.entity_count(), 1U);
  EXPECT_EQ(contradiction(lingers) + contradiction(exact), "");
}

// A search that ends with the first hit must not depend on what was there before a snapshot.
TEST(Replica, HasRelationsInTheOrderOfTheSnapshot) {
  Replica replica({});
  wire::TopologySnapshotT snapshot;
  for (const char* id : {"a", "b", "c"}) {
    snapshot.nodes.push_back(node(id, "proc"));
  }
  snapshot.kinds = {"connect"};
  snapshot.edges = {{0, 0, 1}, {0, 0, 2}};
  apply(replica, snapshot);
  EXPECT_EQ(others(replica, "a"), (Ids{"b", "c"}));
  std::reverse(snapshot.edges.begin(), snapshot.edges.end());
  apply(replica, snapshot);
  EXPECT_EQ(others(replica, "a"), (Ids{"c", "b"}));
}

TEST(Replica, KeepsWhatIsAskedFor) {
  Replica replica({.labels = false, .unrelated = {"host"}});
  apply(replica, small_snapshot());
  EXPECT_EQ(replica.node(*replica.find("m1_p")).label("comm"), "");
  EXPECT_EQ(replica.node(*replica.find("m1_p")).machine, "m1");
  EXPECT_EQ(replica.relation_count(), 0U);
  EXPECT_EQ(replica.counts().refused(), 0U) << "what nobody wants is no loss";
}

}  // namespace
}  // namespace gala
