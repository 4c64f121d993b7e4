// Goal: notifications fall by nine tenths and no fault is missed. Method: fleets of random shape
// with faults in parts that do not touch; every event must be in an incident of its own part.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "stages/dedup/incident_world.h"

namespace gala::dedup::dedup_test {
namespace {

/// Parts that share nothing; in each a disk fails, and what depends on it follows.
struct Fleet {
  Map map;
  std::vector<std::vector<Said>> cascades;
  std::map<std::string, std::size_t> part_of;
};

void add_part(Fleet& fleet, std::size_t part, std::mt19937& random) {
  const std::string name = "p" + std::to_string(part);
  std::vector<Host> hosts;
  const std::size_t count = 2 + random() % 4;
  for (std::size_t i = 0; i < count; ++i) {
    hosts.push_back(
        add_host(fleet.map, name + "h" + std::to_string(i), 3 + static_cast<int>(random() % 8)));
    fleet.part_of[hosts.back().machine] = part;
    if (i > 0) {
      relate_clients(fleet.map, hosts[random() % i], hosts[i]);
    }
  }
  std::vector<const Host*> clients;
  for (std::size_t i = 1; i < hosts.size(); ++i) {
    clients.push_back(&hosts[i]);
  }
  fleet.cascades.push_back(disk_cascade(hosts[0], clients));
  std::shuffle(fleet.cascades.back().begin() + 1, fleet.cascades.back().end(), random);
}

/// Opens all events of the cascades side by side, then closes them; how many there were.
std::size_t suffer(Desk& desk, const std::vector<std::vector<Said>>& cascades) {
  desk.pass(101);
  std::vector<std::pair<Said, std::uint64_t>> open;
  for (std::size_t step = 0; step < 100; ++step) {
    for (const auto& cascade : cascades) {
      if (step < cascade.size()) {
        desk.open(cascade[step], 101 + step / 8);
        open.emplace_back(cascade[step], 101 + step / 8);
      }
    }
    if (step % 8 == 7) {
      desk.pass(desk.now() + 1);
    }
  }
  for (const auto& [said, started] : open) {
    desk.close(said, started);
  }
  desk.pass(200);
  return open.size();
}

TEST(Incident, FoldsInjectedCascadesByNineTenths) {
  std::size_t event_messages = 0;
  std::size_t incident_messages = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::size_t faults = 1 + seed % 3;
    Fleet fleet;
    for (std::size_t part = 0; part < faults; ++part) {
      add_part(fleet, part, random);
    }
    Desk desk(shipped_model());
    desk.learn(fleet.map);
    const std::size_t events = suffer(desk, fleet.cascades);
    std::set<std::size_t> parts;
    std::size_t total = 0;
    for (const wire::IncidentT* incident : desk.standing()) {
      std::set<std::size_t> own;
      for (const auto& event : incident->events) {
        own.insert(fleet.part_of.at(event->machine_id));
      }
      EXPECT_EQ(own.size(), 1U) << "two faults in one incident";
      parts.insert(own.begin(), own.end());
      total += incident->total;
    }
    EXPECT_EQ(parts.size(), faults) << "a fault was missed";
    EXPECT_EQ(total, events);
    event_messages += desk.event_messages;
    incident_messages += desk.incident_messages;
  }
  RecordProperty("event_messages", static_cast<int>(event_messages));
  RecordProperty("incident_messages", static_cast<int>(incident_messages));
  EXPECT_LE(incident_messages * 10, event_messages);
}

}  // namespace
}  // namespace gala::dedup::dedup_test
