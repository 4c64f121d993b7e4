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

/// Of several checks of one metric another may speak first after the restart, with an id and a
/// start of its own: the incident keeps its id and counts each event once.
TEST(IncidentMemory, KeepsItsIdWhenAnotherCheckReportsTheMetric) {
  Map map;
  const Host host = add_host(map, "m1", 1);
  std::vector<std::uint8_t> memory;
  std::string id;
  {
    Desk desk(shipped_model());
    desk.learn(map);
    desk.pass(101);
    desk.open({host.disk, "util"}, 101);
    desk.open({host.disk, "aqu"}, 101);
    desk.pass(110);
    ASSERT_THAT(desk.standing(), SizeIs(1));
    id = desk.standing().front()->incident_id;
    memory = desk.save();
  }
  Desk desk(shipped_model());
  desk.pass(200);
  ASSERT_TRUE(desk.load(memory));
  // The first one resumes the incident, the second one finds it resumed.
  for (const char* metric : {"util", "aqu"}) {
    desk.keep({host.disk, metric}, 190);
  }
  desk.pass(210);
  ASSERT_THAT(desk.standing(), SizeIs(1));
  const wire::IncidentT* resumed = desk.standing().front();
  EXPECT_EQ(resumed->incident_id, id);
  EXPECT_EQ(resumed->total, 2U);
  EXPECT_EQ(resumed->open, 2U);
  for (const auto& event : resumed->events) {
    EXPECT_TRUE(event->event_id.starts_with("190_")) << event->event_id;
    EXPECT_EQ(event->started_ns, 101 * second) << event->event_id;
    EXPECT_FALSE(event->folded_to.starts_with("101_")) << event->folded_to;
  }
  for (const char* metric : {"util", "aqu"}) {
    desk.close({host.disk, metric}, 190);
  }
  desk.pass(300);
  ASSERT_THAT(desk.standing(), SizeIs(1));
  EXPECT_EQ(desk.standing().front()->state, wire::IncidentState::closed);
}

TEST(IncidentMemory, RefusesADamagedMemory) {
  Map map;
  const Host host = add_host(map, "m1", 1);
  Desk desk(shipped_model());
  desk.pass(101);
  desk.open({host.disk, "util"}, 101);
  desk.pass(110);
  const std::vector<std::uint8_t> memory = desk.save();
  // The last few bytes are padding.
  for (std::size_t size = 0; size + 8 < memory.size(); ++size) {
    Desk next(shipped_model());
    EXPECT_FALSE(next.load(std::span(memory).first(size))) << size;
    next.pass(102);
  }
}

/// The layout of earlier releases: this word after its length, then messages after theirs.
TEST(IncidentMemory, RefusesAnOlderFormatAndGoesOnWithoutIt) {
  std::vector<std::uint8_t> memory{11, 0, 0, 0};
  const std::string_view word = "incidents 1";
  memory.insert(memory.end(), word.begin(), word.end());
  Map map;
  const Host host = add_host(map, "m1", 1);
  Desk desk(shipped_model());
  const auto loaded = desk.load(memory);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().what, ::testing::HasSubstr("older version"));
  desk.learn(map);
  desk.pass(101);
  desk.open({host.disk, "util"}, 101);
  desk.pass(110);
  EXPECT_THAT(desk.standing(), SizeIs(1));
}

/// Every byte of a memory once wrong: it is refused or read, and the stage goes on.
TEST(IncidentMemory, SurvivesEveryWrongByte) {
  Map map;
  const Host host = add_host(map, "m1", 1);
  Desk desk(shipped_model());
  desk.pass(101);
  desk.open({host.disk, "util"}, 101);
  desk.pass(110);
  std::vector<std::uint8_t> memory = desk.save();
  ASSERT_TRUE(Desk(shipped_model()).load(memory));
  for (std::uint8_t& byte : memory) {
    byte ^= 0xffU;
    Desk next(shipped_model());
    static_cast<void>(next.load(memory));
    next.pass(102);
    next.pass(300);
    byte ^= 0xffU;
  }
}

}  // namespace
}  // namespace gala::dedup::dedup_test
