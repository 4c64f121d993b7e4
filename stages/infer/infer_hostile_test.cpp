// Input that contradicts itself or lacks what is needed: sensible answers, no endless walk.
#include <limits>
#include <set>

#include "stages/infer/infer_testing.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using testing::begin;
using testing::World;

/// A service is slow because of its disk, or because of the services that it calls.
Model ring_model(const std::string& of_disk = "", const std::string& of_sli = "") {
  const std::string head =
      "[entity]\nabout = \"a\"\nzh = \"a\"\nlevel = \"process\"\n[key.id]\nabout = "
      "\"a\"\n[table.main]\nfrom = \"probe.main\"\n";
  const auto metric = [](const std::string& name, const std::string& more) {
    return "[metric." + name +
           "]\ntable = \"main\"\ntype = \"gauge\"\nunit = \"s\"\nabout = \"a\"\nzh = \"a\"\n" +
           more;
  };
  const std::vector<SourceText> files{{"disk.toml", head + metric("await", "") + of_disk},
                                      {"sli.toml", head + metric("latency", "kpi = true\n") + R"(
[[relation]]
kind = "uses"
to = "disk"
[[check]]
id = "slow"
metric = "latency"
kind = "deviation"
text = "slow"
zh = "slow"
[[cause]]
effect = "latency"
of = "disk.await"
path = [">uses:disk"]
prior = 0.9
keyword = "disk"
text = "slow disk"
zh = "slow disk"
[[cause]]
effect = "latency"
of = "sli.latency"
path = [">calls:sli"]
prior = 0.8
keyword = "application"
text = "slow service"
zh = "slow service"
)" + of_sli}};
  Diagnostics diagnostics;
  return Model::parse(files, diagnostics);
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
  for (int i = 0; i < 5; ++i) {
    world.window(false);
    world.tick();
  }
  EXPECT_EQ(world.said.size(), 1U);
}

TEST(Infer, AnswersInATopologyWithCycles) {
  World world({}, ring_model());
  world.call_in_a_ring();
  world.settle();
  world.window(true, true);
  world.window(true, true);
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
  World world({}, ring_model(R"(
[[cause]]
effect = "await"
of = "sli.latency"
path = ["<uses:sli"]
prior = 0.9
keyword = "application"
text = "service"
zh = "service"
)"));
  world.settle();
  world.window(true);
  world.window(true);
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
  World world({}, ring_model("", R"(
[[cause]]
effect = "latency"
of = "disk.await"
direction = "low"
path = [">uses:disk"]
prior = 0.95
keyword = "disk"
text = "quick disk"
zh = "quick disk"
)"));
  world.settle();
  world.window(true);
  world.window(true);
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
}  // namespace gala
