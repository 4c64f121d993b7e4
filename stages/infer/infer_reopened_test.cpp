// Events that ended and came back: their causes are of the time of the return.
#include "stages/infer/infer_testing.h"

namespace gala::infer {
namespace {

using namespace std::chrono_literals;
using testing::begin;
using testing::World;

TEST(Infer, ExplainsWhatCameBackFromItsReturn) {
  World world;
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1, "latency", 12);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_EQ(world.said[0].bent_ns, (begin + 41s).ns());
}

TEST(Infer, ExplainsAnewWhatCameBackBeforeItWasClosed) {
  World world;
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  world.rest(20);
  const auto said_before = world.said.size();
  world.trouble(true);
  world.event("sli1", wire::EventState::updated, 1, "latency", 23);
  world.tick();
  ASSERT_GT(world.said.size(), said_before);
  EXPECT_EQ(world.said.back().bent_ns, (begin + 63s).ns());
  EXPECT_GT(world.said.back().version, world.said[said_before - 1].version);
}

TEST(Infer, GoesOnCountingTheVersionsOfAnEventThatCameBack) {
  World world;
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  world.event("sli1", wire::EventState::closed, 1);
  world.window(false);
  world.tick();
  world.rest(20);
  const std::uint32_t before = world.said.back().version;
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1, "latency", 24);
  world.tick();
  EXPECT_EQ(world.said.back().version, before + 1);
}

// One KPI of an incident lasts; another one had ended, and comes back for a reason of its own.
TEST(Infer, TakesWhatComesBackLateForAnotherIncident) {
  World world;
  world.two_kpis_of_one_incident();
  ASSERT_EQ(world.said.size(), 1U);
  ASSERT_EQ(world.said[0].kpis.size(), 2U);
  world.event("sli1", wire::EventState::closed, 1);
  world.rest(25);
  world.trouble(true);
  world.event("sli1", wire::EventState::updated, 1, "latency", 28);
  world.tick();
  ASSERT_GE(world.said.size(), 2U);
  EXPECT_EQ(world.said.back().diagnosis_id, "event_sli1");
  EXPECT_EQ(world.said.back().kpis.size(), 1U);
  EXPECT_EQ(world.said.back().bent_ns, (begin + 68s).ns());
  EXPECT_GT(world.said.back().version, world.said[0].version);
}

}  // namespace
}  // namespace gala::infer
