// The topology from observations: every kind of join, what changes, what ends, what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stages/topology/messages.h"
#include "stages/topology/topology_world.h"

namespace gala::topology::topology_test {
namespace {

/// Fails the test when a consumer could not apply what was sent.
class World : public topology_test::World {
 public:
  using topology_test::World::World;
  ~World() { EXPECT_THAT(consumer.mistakes, testing::IsEmpty()); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
};

using namespace std::chrono_literals;

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

TEST(Topology, SeesThroughABalancerThatRewritesAddresses) {
  World world;
  const auto client_proc = world.see("m1", "proc", {{"tgid", "7"}});
  const auto server_proc = world.see("m3", "proc", {{"tgid", "9"}});
  const auto client = world.see("m1", "tcp_link", link("7", "client", "10.0.0.1", "10.9.9.9"));
  const auto server = world.see("m3", "tcp_link", link("9", "server", "10.0.0.2", "10.0.0.3"));
  world.see("m3", "tcp_link", link("9", "server", "10.0.0.4", "10.0.0.3"));
  world.pass();
  EXPECT_FALSE(world.consumer.edges.contains(client + " is_peer " + server));
  const auto balancer = world.see("m2", "balancer",
                                  {{"client_ip", "10.0.0.1"},
                                   {"virtual_ip", "10.9.9.9"},
                                   {"virtual_port", "6379"},
                                   {"local_ip", "10.0.0.2"},
                                   {"server_ip", "10.0.0.3"},
                                   {"server_port", "6379"}});
  world.pass();
  EXPECT_TRUE(world.consumer.edges.contains(client + " is_client " + balancer));
  EXPECT_TRUE(world.consumer.edges.contains(server + " is_server " + balancer));
  EXPECT_TRUE(world.consumer.edges.contains(client + " is_peer " + server));
  EXPECT_TRUE(world.consumer.edges.contains(client_proc + " connect " + server_proc));
  // New labels of an end do not end what follows.
  world.see("m1", "proc", {{"tgid", "7"}, {"comm", "web"}});
  world.pass();
  EXPECT_TRUE(world.consumer.edges.contains(client_proc + " connect " + server_proc));
  world.end(balancer);
  world.pass();
  EXPECT_FALSE(world.consumer.edges.contains(client + " is_peer " + server));
  EXPECT_FALSE(world.consumer.edges.contains(client_proc + " connect " + server_proc));
}

TEST(Topology, StandsInForAnEndThatNobodyReports) {
  World world({.one_sided_after = 3s});
  const auto proc = world.see("m1", "proc", {{"tgid", "7"}});
  const auto client = world.see("m1", "tcp_link", link("7", "client", "10.0.0.1", "10.0.0.2"));
  const std::string external = "fleet_external_10.0.0.2_6379";
  world.pass();
  EXPECT_FALSE(world.consumer.nodes.contains(external)) << "the other end may still come";
  world.pass(4s);
  world.pass();
  EXPECT_TRUE(world.consumer.nodes.contains(external));
  EXPECT_TRUE(world.consumer.edges.contains(client + " is_peer " + external));
  EXPECT_TRUE(world.consumer.edges.contains(proc + " connect " + external));
  const auto server = world.see("m2", "tcp_link", link("9", "server", "10.0.0.1", "10.0.0.2"));
  world.pass();
  world.pass();
  EXPECT_TRUE(world.consumer.edges.contains(client + " is_peer " + server));
  EXPECT_FALSE(world.consumer.nodes.contains(external));
  EXPECT_FALSE(world.consumer.edges.contains(proc + " connect " + external));
}

TEST(Topology, BoundsWhatNobodyObserves) {
  World world({.one_sided_after = Duration{0}, .max_external = 2});
  for (int number = 0; number < 5; ++number) {
    world.see("m1", "tcp_link",
              link("7", "client", "10.0.0.1", "192.0.2." + std::to_string(number)));
  }
  world.pass();
  world.pass();
  SelfReport report;
  world.topology().report(report);
  EXPECT_EQ(world.topology().node_count(), 5U + 2U);
}

TEST(Topology, DoesNotChurnWhileAnEntityFlaps) {
  World world;
  const auto host = world.see("m1", "host", {{"os_version", "12"}});
  const auto proc = world.see("m1", "proc", {{"tgid", "7"}});
  world.pass();
  for (int round = 0; round < 20; ++round) {
    world.see("m1", "host", {{"os_version", "12"}});
    world.end(proc);
    world.see("m1", "proc", {{"tgid", "7"}});  // It is back within the period.
    world.pass();
  }
  EXPECT_EQ(world.consumer.edges, std::set<std::string>{proc + " runs_on " + host});
  EXPECT_EQ(world.topology().edge_count(), 1U);
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

/// A process for each number, on one host; each has one connection.
void see_processes(World& world, int first, int end) {
  world.see("m1", "host", {{"os_version", "12"}});
  for (int number = first; number < end; ++number) {
    const std::string tgid = std::to_string(number);
    world.see("m1", "proc", {{"tgid", tgid}});
    world.see("m1", "tcp_link", link(tgid, "client", "10.0.0.1", "10.0.0.2"));
  }
}

TEST(Topology, SendsWhatIsLargeInPortions) {
  World world({.one_sided_after = 3600s, .max_sent = 40});
  see_processes(world, 0, 30);
  for (int period = 0; period < 9; ++period) {
    world.pass(0s);
    for (const Outgoing& item : world.out.items()) {
      if (item.type == wire::MessageType::topology_delta) {
        const auto* delta = wire::GetTopologyDelta(item.payload.data());
        EXPECT_LE(delta->added_nodes()->size(), 10U);
        EXPECT_LE(delta->added_edges()->size(), 40U);
      }
    }
  }
  EXPECT_EQ(world.consumer.snapshots, 1U);
  EXPECT_EQ(world.consumer.nodes.size(), 61U);
  EXPECT_EQ(world.consumer.edges.size(), world.topology().edge_count());
  EXPECT_EQ(world.consumer.edges.size(), 60U);
}

TEST(Topology, SendsPortionsRightWhileEverythingChanges) {
  World world({.expire = 1s, .one_sided_after = 3600s, .max_sent = 16});
  for (int period = 0; period < 90; ++period) {
    // Entities end before they were sent, come back with other labels, and move along.
    see_processes(world, period % 20, period % 20 + 15);
    for (int tgid = 0; tgid < 30; tgid += 1 + period % 4) {
      world.end("m1_proc_" + std::to_string(tgid));
    }
    world.see("m1", "proc", {{"tgid", "3"}, {"comm", std::to_string(period)}});
    world.pass();
  }
  EXPECT_GE(world.consumer.snapshots, 3U);
  see_processes(world, 0, 15);
  for (int period = 0; period < 30; ++period) {
    world.pass(0s);
  }
  EXPECT_EQ(world.consumer.nodes.size(), world.topology().node_count());
  EXPECT_EQ(world.consumer.edges.size(), world.topology().edge_count());
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
}  // namespace gala::topology::topology_test
