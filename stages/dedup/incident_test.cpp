// Incidents: what belongs together is told once, what does not stays apart, and nothing is missed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "stages/dedup/incident_world.h"

namespace gala::dedup::dedup_test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::set<std::string> members(const wire::IncidentT& incident) {
  std::set<std::string> ids;
  for (const auto& event : incident.events) {
    ids.insert(event->entity_id + " " + event->metric);
  }
  return ids;
}

TEST(Incident, FoldsTheCascadeOfOneDisk) {
  Map map;
  const Host db = add_host(map, "db", 12);
  const Host web = add_host(map, "web", 8);
  relate_clients(map, db, web);
  const auto cascade = disk_cascade(db, {&web});
  ASSERT_GE(cascade.size(), 35U);
  Desk desk(shipped_model());
  desk.learn(map);
  desk.pass(101);
  for (std::size_t i = 0; i < cascade.size(); ++i) {
    desk.open(cascade[i], 101 + i / 5);
    desk.pass(101 + i / 5);
  }
  for (std::uint64_t at = 110; at < 140; ++at) {
    for (std::size_t i = 0; i < cascade.size(); ++i) {
      desk.keep(cascade[i], 101 + i / 5);
    }
    desk.pass(at);
  }
  for (std::size_t i = 0; i < cascade.size(); ++i) {
    desk.close(cascade[i], 101 + i / 5);
  }
  desk.pass(200);
  ASSERT_THAT(desk.standing(), SizeIs(1));
  const wire::IncidentT& incident = *desk.standing().front();
  EXPECT_EQ(incident.state, wire::IncidentState::closed);
  EXPECT_EQ(incident.total, cascade.size());
  EXPECT_EQ(members(incident).size(), cascade.size());
  EXPECT_EQ(incident.machines, 2U);
  EXPECT_EQ(incident.events[incident.headline]->kind, wire::EventKind::app);
  std::size_t first = 0;
  for (const auto& event : incident.events) {
    first += event->reason == wire::FoldReason::first ? 1U : 0U;
    EXPECT_NE(event->reason == wire::FoldReason::first, !event->folded_to.empty());
  }
  EXPECT_EQ(first, 1U);
  EXPECT_LE(desk.incident_messages * 10, desk.event_messages);
}

TEST(Incident, KeepsFaultsOnUnconnectedEntitiesApart) {
  Map map;
  const Host one = add_host(map, "one", 3);
  const Host two = add_host(map, "two", 3);
  Desk desk(shipped_model());
  desk.learn(map);
  for (const Host* host : {&one, &two}) {
    for (const Said& said : disk_cascade(*host, {})) {
      desk.open(said, 101);
    }
  }
  // Two processes of one host without anything in common but the host.
  const Host three = add_host(map, "three", 2);
  desk.learn(map);
  desk.open({three.slis[0], "latency", wire::Severity::error, true}, 101);
  desk.open({three.slis[1], "latency", wire::Severity::error, true}, 101);
  desk.pass(110);
  EXPECT_THAT(desk.standing(), SizeIs(4));
}

/// The network loses packets and a disk becomes slow, on one host within five seconds: the model
/// knows what follows from either, so neither is taken for a part of the other.
TEST(Incident, TellsTwoFaultsOfOneHostApart) {
  Map map;
  const std::string machine = "m1";
  const Host host = add_host(map, machine, 4);
  const std::string nic = map.add(machine, "nic", "eth0");
  const std::string block = map.add(machine, "block", "8_0");
  Desk desk(shipped_model());
  desk.learn(map);
  desk.pass(101);
  desk.open({nic, "tx_dropped"}, 101);
  desk.open({block, "latency_req"}, 104);
  desk.open({host.processes[3], "iowait"}, 105);
  desk.pass(110);
  ASSERT_THAT(desk.standing(), SizeIs(2));
  for (const wire::IncidentT* incident : desk.standing()) {
    const auto ids = members(*incident);
    EXPECT_NE(ids.contains(nic + " tx_dropped"), ids.contains(block + " latency_req"));
    EXPECT_EQ(ids.contains(block + " latency_req"), ids.contains(host.processes[3] + " iowait"));
  }
}

TEST(Incident, SaysWhyAndByWhichWay) {
  Map map;
  const Host db = add_host(map, "db", 1);
  const Host web = add_host(map, "web", 1);
  relate_clients(map, db, web);
  Desk desk(shipped_model());
  desk.learn(map);
  desk.open({db.slis[0], "latency", wire::Severity::error, true}, 101);
  desk.open({db.slis[0], "throughput", wire::Severity::warn, true}, 101);
  desk.open({web.slis[0], "latency", wire::Severity::error, true}, 102);
  desk.pass(105);
  ASSERT_THAT(desk.standing(), SizeIs(1));
  const auto& events = desk.standing().front()->events;
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_EQ(events[1]->reason, wire::FoldReason::same_entity);
  EXPECT_EQ(events[2]->reason, wire::FoldReason::known_cause);
  EXPECT_THAT(events[2]->folded_to, testing::StartsWith("101_db_sli_0_80_"));
  EXPECT_THAT(events[2]->path,
              testing::ElementsAre(web.slis[0], web.processes[0], db.processes[0], db.slis[0]));
}

TEST(Incident, BecomesPartOfAnOlderOneWhenTheLinkComesLate) {
  Map map;
  const Host host = add_host(map, "m1", 2);
  Desk desk(shipped_model());
  desk.learn(map);
  desk.open({host.processes[0], "iowait"}, 101);
  desk.open({host.processes[1], "iowait"}, 102);
  desk.pass(106);
  EXPECT_THAT(desk.standing(), SizeIs(2));
  desk.open({host.disk, "util"}, 106);
  desk.pass(120);
  ASSERT_THAT(desk.standing(), SizeIs(1));
  EXPECT_EQ(desk.standing().front()->total, 3U);
  ASSERT_THAT(desk.incidents, SizeIs(2));
  for (const auto& [id, incident] : desk.incidents) {
    if (incident.state == wire::IncidentState::merged) {
      EXPECT_EQ(incident.merged_into, desk.standing().front()->incident_id);
    }
  }
}

TEST(Incident, FindsRelativesThatTheTopologyLearnsLater) {
  Map map;
  const Host db = add_host(map, "db", 1);
  const Host web = add_host(map, "web", 1);
  Desk desk(shipped_model());
  desk.open({db.slis[0], "latency", wire::Severity::error, true}, 101);
  desk.open({web.slis[0], "latency", wire::Severity::error, true}, 101);
  desk.pass(105);
  EXPECT_THAT(desk.standing(), SizeIs(2));
  relate_clients(map, db, web);
  desk.learn(map);
  desk.pass(106);
  EXPECT_THAT(desk.standing(), SizeIs(1));
}

TEST(Incident, DoesNotTakeInWhatBeginsMuchLater) {
  Map map;
  const Host host = add_host(map, "m1", 2);
  Desk desk(shipped_model());
  desk.learn(map);
  desk.open({host.disk, "util"}, 101);
  for (std::uint64_t at = 102; at < 400; ++at) {
    desk.keep({host.disk, "util"}, 101);
    desk.pass(at);
  }
  desk.open({host.processes[0], "iowait"}, 400);
  desk.pass(405);
  EXPECT_THAT(desk.standing(), SizeIs(2));
}

TEST(Incident, NeedsNoTopology) {
  Desk desk(shipped_model());
  desk.open({"m1_disk_sda", "util"}, 101);
  desk.open({"m1_disk_sda", "aqu"}, 101);
  desk.open({"m1_proc_7", "iowait"}, 103);
  desk.open({"m2_proc_7", "iowait"}, 103);
  desk.pass(110);
  EXPECT_THAT(desk.standing(), SizeIs(2));
  EXPECT_EQ(desk.event_messages, 4U);
}

TEST(Incident, TellsWhatIsOverBeforeItCouldBeTold) {
  Desk desk(shipped_model());
  desk.pass(101);
  desk.open({"m1_disk_sda", "util"}, 101);
  desk.close({"m1_disk_sda", "util"}, 101);
  desk.pass(150);
  ASSERT_THAT(desk.standing(), SizeIs(1));
  EXPECT_EQ(desk.standing().front()->state, wire::IncidentState::closed);
  EXPECT_EQ(desk.gauge("open_incidents"), 0);
}

TEST(Incident, TellsAHigherSeverityAtOnce) {
  Desk desk(shipped_model());
  desk.pass(101);
  desk.open({"m1_disk_sda", "util"}, 101);
  desk.pass(104);
  ASSERT_EQ(desk.incident_messages, 1U);
  desk.open({"m1_disk_sda", "aqu", wire::Severity::fatal}, 104);
  desk.pass(105);
  EXPECT_EQ(desk.incident_messages, 2U);
  EXPECT_EQ(desk.standing().front()->severity, wire::Severity::fatal);
}

TEST(Incident, GoesRoundInCirclesOnce) {
  Map map;
  std::vector<std::string> ring;
  for (int number = 0; number < 6; ++number) {
    ring.push_back(map.add("m" + std::to_string(number), "proc", "1"));
  }
  for (std::size_t i = 0; i < ring.size(); ++i) {
    map.relate(ring[i], "connect", ring[(i + 1) % ring.size()]);
    map.relate(ring[(i + 1) % ring.size()], "connect", ring[i]);
  }
  Desk desk(shipped_model());
  desk.learn(map);
  for (const std::string& id : ring) {
    desk.open({id, "iowait"}, 101);
  }
  desk.pass(105);
  ASSERT_THAT(desk.standing(), SizeIs(1));
  EXPECT_EQ(desk.standing().front()->total, ring.size());
}

TEST(Incident, StaysSmallWhileAnEntityFlaps) {
  Desk desk(shipped_model());
  for (std::uint64_t at = 101; at < 3000; at += 40) {
    desk.open({"m1_proc_7", "iowait"}, at);
    desk.pass(at + 3);
    desk.close({"m1_proc_7", "iowait"}, at);
    desk.pass(at + 40);
  }
  desk.pass(3100);
  EXPECT_EQ(desk.gauge("open_incidents"), 0);
  EXPECT_LE(desk.incident_messages, desk.event_messages);
}

// One disk is in trouble for hours, and a thousand programs that wait for it come and go: the
// incident forgets the first of them. When one of these is in trouble again, that is another
// incident.
TEST(Incident, ForgetsTheFirstOfALongOneAltogether) {
  Map map;
  const Host host = add_host(map, "m1", 1200);
  Desk desk(shipped_model());
  desk.learn(map);
  desk.pass(101);
  const Said disk{host.disk, "util"};
  desk.open(disk, 101);
  std::uint64_t at = 101;
  for (const std::string& process : host.processes) {
    const Said wait{process, "iowait"};
    if (desk.now() % 20 == 0) {
      desk.keep(disk, 101);
    }
    // Each begins with another event of the disk, as one fault after another does.
    desk.open({host.disk, "metric_" + std::to_string(at)}, at);
    desk.open(wait, at);
    desk.close(wait, at);
    desk.close({host.disk, "metric_" + std::to_string(at)}, at);
    desk.pass(++at);
  }
  ASSERT_THAT(desk.standing(), SizeIs(1));
  EXPECT_GT(desk.standing().front()->total, 1000U);
  desk.close(disk, 101);
  desk.pass(at + 100);
  EXPECT_EQ(desk.gauge("open_incidents"), 0);
  desk.open({host.processes.front(), "iowait"}, desk.now());
  desk.open({host.disk, "aqu"}, desk.now());
  desk.pass(desk.now() + 5);
  EXPECT_THAT(desk.standing(), SizeIs(2));
  EXPECT_EQ(desk.gauge("open_incidents"), 1);
}

TEST(Incident, IsBoundedInAFlood) {
  Dedup::Config config;
  config.max_incidents = 50;
  config.max_events = 2000;
  Desk desk(shipped_model(), config);
  for (int number = 0; number < 5000; ++number) {
    desk.open({"m" + std::to_string(number % 500) + "_proc_" + std::to_string(number), "iowait"},
              101);
    EXPECT_LE(desk.gauge("open_incidents"), 50);
  }
  EXPECT_GT(desk.gauge("incidents_evicted_total"), 0);
  desk.pass(110);
  // Ten times more events than entities.
  for (int number = 0; number < 1000; ++number) {
    desk.open({"x_proc_" + std::to_string(number / 10), "metric" + std::to_string(number % 10)},
              110);
  }
  desk.pass(120);
  EXPECT_LE(desk.gauge("open_incidents"), 50);
}

/// The topology of a hostile or broken producer: everything belongs to everything.
TEST(Incident, StaysSensibleWhenTheTopologyIsOneKnot) {
  Map map;
  std::vector<std::string> ids;
  for (int number = 0; number < 60; ++number) {
    ids.push_back(map.add("m" + std::to_string(number), "proc", "1"));
  }
  for (const std::string& from : ids) {
    for (const std::string& to : ids) {
      map.relate(from, "belongs_to", to);  // Itself too.
    }
  }
  Desk desk(shipped_model());
  desk.learn(map);
  desk.pass(101);
  for (const std::string& id : ids) {
    desk.open({id, "iowait"}, 101);
  }
  desk.pass(110);
  EXPECT_THAT(desk.standing(), SizeIs(1));
  EXPECT_EQ(desk.standing().front()->total, ids.size());
}

}  // namespace
}  // namespace gala::dedup::dedup_test
