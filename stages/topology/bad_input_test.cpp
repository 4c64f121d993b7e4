// Input that nobody would wish for: owners in circles, entities that flap, clocks that step,
// floods.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stages/topology/topology_world.h"

namespace gala::topology::topology_test {
namespace {

/// Groups that belong to groups, and the links that belong to them.
Model nested_model() {
  const std::vector<SourceText> files{
      entity_file("group", {"name"}, {"parent"}, std::string(table) + R"(
[[relation]]
kind = "belongs_to"
to = "group"
match = { parent = "name" }
[[relation]]
kind = "connect"
to = "group"
indirect = true
)"),
      entity_file("link", {"name"}, {"group", "peer"}, std::string(table) + R"(
[[relation]]
kind = "belongs_to"
to = "group"
match = { group = "name" }
[[relation]]
kind = "is_peer"
to = "link"
match = { peer = "name" }
)"),
      relation_kinds_file()};
  Diagnostics diagnostics;
  return Model::parse(files, diagnostics);
}

/// Whether what is sent stays within the rules, whatever came in.
void expect_sound(World& world) {
  EXPECT_THAT(world.consumer.mistakes, testing::IsEmpty());
  EXPECT_EQ(world.consumer.nodes.size(), world.topology().node_count());
  EXPECT_EQ(world.consumer.edges.size(), world.topology().edge_count());
}

TEST(BadTopology, OwnersInACircleConnectAndEnd) {
  World world(nested_model(), {});
  std::vector<std::string> all;
  all.reserve(18);
  for (int group = 0; group < 12; ++group) {
    all.push_back(world.see("m1", "group",
                            {{"name", "g" + std::to_string(group)},
                             {"parent", "g" + std::to_string((group + 1) % 12)}}));
  }
  // One that belongs to itself, and two that belong to each other.
  all.push_back(world.see("m1", "group", {{"name", "self"}, {"parent", "self"}}));
  all.push_back(world.see("m1", "group", {{"name", "a"}, {"parent", "b"}}));
  all.push_back(world.see("m1", "group", {{"name", "b"}, {"parent", "a"}}));
  all.push_back(world.see("m1", "link", {{"name", "x"}, {"group", "g0"}, {"peer", "y"}}));
  all.push_back(world.see("m1", "link", {{"name", "y"}, {"group", "a"}, {"peer", "z"}}));
  all.push_back(world.see("m1", "link", {{"name", "z"}, {"group", "self"}, {"peer", "x"}}));
  world.pass();
  expect_sound(world);
  EXPECT_TRUE(world.consumer.edges.contains("m1_link_x is_peer m1_link_y"));
  const auto connects = [&world](const std::string& id) {
    return std::any_of(world.consumer.edges.begin(), world.consumer.edges.end(),
                       [&id](const std::string& edge) {
                         return edge.find(id + " connect ") != std::string::npos;
                       });
  };
  EXPECT_TRUE(connects("m1_group_self"));
  for (const std::string& id : all) {
    world.end(id);
    world.pass();
    expect_sound(world);
  }
  EXPECT_EQ(world.topology().edge_count(), 0U);
}

TEST(BadTopology, AParentThatFlapsMovesConnectionsToAndFro) {
  World world(nested_model(), {});
  world.see("m1", "link", {{"name", "x"}, {"group", "inner"}, {"peer", "y"}});
  world.see("m1", "link", {{"name", "y"}, {"group", "other"}});
  world.see("m1", "group", {{"name", "inner"}, {"parent", "outer"}});
  world.see("m1", "group", {{"name", "other"}});
  for (int round = 0; round < 30; ++round) {
    const auto outer = world.see("m1", "group", {{"name", "outer"}});
    world.pass(0s);
    EXPECT_TRUE(world.consumer.edges.contains("m1_group_outer connect m1_group_other"));
    world.end(outer);
    world.pass(0s);
    EXPECT_TRUE(world.consumer.edges.contains("m1_group_inner connect m1_group_other"));
    EXPECT_FALSE(world.consumer.edges.contains("m1_group_outer connect m1_group_other"));
    expect_sound(world);
  }
}

TEST(BadTopology, ClocksOfMachinesEndNobody) {
  World world;
  // Boot times of other machines say nothing here: far ahead, back, and nonsense.
  for (const std::uint64_t end_ns : {std::uint64_t{1}, ~std::uint64_t{0}, std::uint64_t{5},
                                     std::uint64_t{1} << 62, std::uint64_t{0}}) {
    Rows rows({"entity_id", "tgid"});
    rows.add({"m1_proc_7", "7"});
    world.send(rows.message("proc", "m1", end_ns));
    world.pass(5s);
    EXPECT_EQ(world.consumer.nodes.size(), 1U);
    expect_sound(world);
  }
  world.pass(11s);
  EXPECT_TRUE(world.consumer.nodes.empty());
}

TEST(BadTopology, TenTimesMoreRowsThanEntitiesChangeNothingTwice) {
  World world;
  for (int period = 0; period < 5; ++period) {
    for (int row = 0; row < 1000; ++row) {
      // A thousand rows of a hundred entities, whose labels take turns within the period.
      world.see("m1", "proc",
                {{"tgid", std::to_string(row % 100)}, {"comm", row < 500 ? "one" : "other"}});
    }
    world.pass();
    expect_sound(world);
    EXPECT_EQ(world.consumer.nodes.size(), 100U);
  }
  EXPECT_EQ(world.consumer.nodes["m1_proc_7"]["comm"], "other");
}

}  // namespace
}  // namespace gala::topology::topology_test
