// Incidents over a restart of dedup.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stages/dedup/incident_world.h"

namespace gala::dedup::dedup_test {
namespace {

using ::testing::SizeIs;

/// Dedup is killed while two incidents last; the next run has only what was saved.
TEST(IncidentMemory, KeepsItsIdOverARestart) {
  Map map;
  const Host one = add_host(map, "m1", 3);
  const Host other = add_host(map, "m2", 3);
  const std::vector<Said> cascade = disk_cascade(one, {});
  std::vector<std::uint8_t> memory;
  std::string id;
  std::string silent_id;
  std::uint32_t version = 0;
  {
    Desk desk(shipped_model());
    desk.learn(map);
    desk.pass(101);
    for (const Said& said : cascade) {
      desk.open(said, 101);
    }
    desk.open({other.disk, "util"}, 101);
    desk.pass(110);
    ASSERT_THAT(desk.standing(), SizeIs(2));
    for (const wire::IncidentT* incident : desk.standing()) {
      (incident->total > 1 ? id : silent_id) = incident->incident_id;
      version = std::max(version, incident->version);
    }
    memory = desk.save();
  }
  Desk desk(shipped_model());
  ASSERT_TRUE(desk.load(memory));
  desk.pass(112);
  // In any order, and one that ended in between; of the other incident nobody speaks any more.
  const std::vector<Said> backwards(cascade.rbegin(), cascade.rend());
  for (const Said& said : backwards) {
    desk.keep(said, 101);
  }
  desk.close(cascade.front(), 101);
  desk.pass(120);
  ASSERT_THAT(desk.standing(), SizeIs(1));
  const wire::IncidentT* resumed = desk.standing().front();
  EXPECT_EQ(resumed->incident_id, id);
  EXPECT_GT(resumed->version, version);
  EXPECT_EQ(resumed->total, cascade.size());
  EXPECT_EQ(resumed->open, cascade.size() - 1);
  for (std::size_t i = 1; i < cascade.size(); ++i) {
    desk.close(cascade[i], 101);
  }
  desk.pass(250);
  EXPECT_EQ(desk.incidents.at(id).state, wire::IncidentState::closed);
  EXPECT_EQ(desk.incidents.at(silent_id).state, wire::IncidentState::closed);
}

TEST(IncidentMemory, RefusesADamagedMemory) {
  Map map;
  const Host host = add_host(map, "m1", 1);
  Desk desk(shipped_model());
  desk.pass(101);
  desk.open({host.disk, "util"}, 101);
  desk.pass(110);
  const std::vector<std::uint8_t> memory = desk.save();
  for (std::size_t size = 0; size < memory.size(); ++size) {
    Desk next(shipped_model());
    const bool loaded = next.load(std::span(memory).first(size)).has_value();
    EXPECT_EQ(loaded, size == 15U) << "only one without any incident is whole";
    next.pass(102);
  }
}

}  // namespace
}  // namespace gala::dedup::dedup_test
