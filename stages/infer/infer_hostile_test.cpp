// Input that contradicts itself or lacks what is needed: sensible answers, no endless walk.
#include <limits>
#include <set>

#include "stages/infer/infer_testing.h"

namespace gala::infer {
namespace {

using namespace std::chrono_literals;
using testing::begin;
using testing::entity_file;
using testing::exposure_text;
using testing::hazard_text;
using testing::kpi_text;
using testing::metric_text;
using testing::relation_text;
using testing::World;

/// A service is slow because of its disk, or because of the services that it calls.
Model ring_model(const std::string& of_disk = "", const std::string& of_sli = "") {
  return testing::model_of(
      {entity_file("disk",
                   metric_text("await") + hazard_text("slow", "await", "slow disk") + of_disk),
       entity_file("sli", kpi_text("latency") + relation_text("uses", "disk") +
                              relation_text("connect", "sli") +
                              hazard_text("slow", "latency", "slow service") +
                              exposure_text("latency", "slow", ">uses:disk") +
                              exposure_text("latency", "slow", ">connect:sli") + of_sli)});
}

TEST(Infer, AdmitsThatItDoesNotKnowTheEntity) {
  World world;
  world.window(true);
  world.event("nobody", wire::EventState::open);
  for (int i = 0; i < 5; ++i) {
    world.tick();
    world.window(true);
  }
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_TRUE(world.said[0].causes.empty());
}

TEST(Infer, SurvivesEmptyMessages) {
  World world;
  Outbox out;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::ObservationsBuilder(builder).Finish());
  world.infer().on(*flatbuffers::GetRoot<wire::Observations>(builder.GetBufferPointer()),
                   Envelope{}, out);
  builder.Clear();
  wire::EventBuilder event(builder);
  event.add_kind(wire::EventKind::app);
  event.add_started_ns(~std::uint64_t{0});
  event.add_wall_offset_ns(std::numeric_limits<std::int64_t>::max());
  builder.Finish(event.Finish());
  world.infer().on(*flatbuffers::GetRoot<wire::Event>(builder.GetBufferPointer()), Envelope{}, out);
  world.rest(5);
  EXPECT_EQ(world.said.size(), 1U);
}

TEST(Infer, AnswersInATopologyWithCycles) {
  World world({}, ring_model());
  world.call_in_a_ring();
  world.settle();
  world.trouble(true, true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  for (const auto& cause : world.said[0].causes) {
    std::set<std::string> seen;
    for (const auto& step : cause->path) {
      EXPECT_TRUE(seen.insert(step->entity_id + step->metric).second) << "a path in a circle";
    }
  }
  EXPECT_EQ(world.said[0].causes.at(0)->entity, "disk") << "not a service that only calls others";
}

TEST(Infer, NamesWhatBeganFirstWhenRulesBlameEachOther) {
  World world({}, ring_model(exposure_text("await", "slow", "<uses:sli")));
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1);
  for (int i = 0; i < 8; ++i) {
    world.tick();
    world.window(true);
  }
  ASSERT_FALSE(world.said.empty());
  EXPECT_EQ(world.said.back().causes.at(0)->entity_id, "disk1")
      << "the KPI does not explain itself";
}

/// One rule takes a rise for the cause, the other a fall of the same series.
TEST(Infer, FollowsTheRuleThatTheSeriesBearsOut) {
  World world({}, ring_model(hazard_text("quick", "await", "quick disk",
                                         "direction = \"low\"\nbelow = 1\n"),
                             exposure_text("latency", "quick", ">uses:disk")));
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_EQ(world.said[0].causes.at(0)->sentence, "slow disk");
}

TEST(Infer, IsNotMisledByAWallClockThatSteps) {
  for (const Duration step : {Duration{3600s}, Duration{-3600s}}) {
    World world;
    world.settle();
    world.window(true);
    world.step_the_clock(step);
    world.window(true);
    world.event("sli1", wire::EventState::open, 1);
    world.tick();
    ASSERT_EQ(world.said.size(), 1U);
    EXPECT_EQ(world.said[0].causes.at(0)->entity_id, "disk1");
    EXPECT_EQ(world.said[0].bent_ns, (begin + 41s).ns());
    EXPECT_EQ(world.said[0].causes[0]->began_ns, (begin + 40s).ns());
    EXPECT_EQ(world.said[0].wall_offset_ns, step.count()) << "labels are of the clock as it is now";
  }
}

TEST(Infer, AdmitsThatItCannotJudgeWhatBeganBeforeIt) {
  World world;
  world.show_topology();
  world.event("sli1", wire::EventState::open);
  for (int i = 0; i < 30; ++i) {
    world.window(true);
    world.tick();
  }
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_TRUE(world.said[0].causes.empty()) << "what is usual is not known";
  EXPECT_NE(world.said[0].sentence.find("No cause found"), std::string::npos);
}

}  // namespace
}  // namespace gala::infer
