// The stage: when it speaks, how often, and how sure it is.
#include <cmath>

#include "stages/infer/infer_testing.h"

namespace gala::infer {
namespace {

using namespace std::chrono_literals;
using testing::begin;
using testing::World;

TEST(Infer, SpeaksAsSoonAsACauseConvinces) {
  World world;
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  const wire::DiagnosisT& said = world.said[0];
  EXPECT_EQ(said.version, 1U);
  EXPECT_EQ(said.diagnosis_id, "event_sli1");
  ASSERT_EQ(said.causes.size(), 1U);
  EXPECT_EQ(said.causes[0]->entity_id, "disk1");
  EXPECT_EQ(said.causes[0]->sentence, "disk 1 takes 50 ms");
  EXPECT_EQ(said.causes[0]->began_ns, (begin + 40s).ns());
  EXPECT_EQ(said.causes[0]->machine_id, "m1");
  ASSERT_EQ(said.causes[0]->path.size(), 2U);
  EXPECT_EQ(said.causes[0]->path[0]->relation, "<uses");
  // Every step says when it began and where it is, also one in the middle.
  EXPECT_EQ(said.causes[0]->path[0]->began_ns, (begin + 40s).ns());
  EXPECT_EQ(said.causes[0]->path[0]->machine_id, "m1");
  EXPECT_EQ(said.causes[0]->path[1]->began_ns, said.bent_ns);
  EXPECT_EQ(said.causes[0]->evidence[0]->values.size(), 42U);
  EXPECT_EQ(said.kpi_series->values.size(), 42U);
  EXPECT_EQ(said.said_ns, world.now().boot.ns());
  EXPECT_EQ(said.bent_ns, (begin + 41s).ns());
}

TEST(Infer, SaysAfterItsPatienceThatItFoundNothing) {
  World world;
  world.settle();
  world.event("sli1", wire::EventState::open);
  for (int i = 0; i < 3; ++i) {
    world.tick();
    world.window(false);
  }
  EXPECT_TRUE(world.said.empty());
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_TRUE(world.said[0].causes.empty());
  EXPECT_EQ(world.said[0].ruled_out.at(0)->reason, "did not change");
  EXPECT_EQ(world.said[0].ruled_out.at(0)->entity, "disk");
  EXPECT_NE(world.said[0].sentence.find("No cause found"), std::string::npos);
}

TEST(Infer, RepeatsItselfOnlyWhenTheRankingChanged) {
  World world;
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1);
  for (int i = 0; i < 30; ++i) {
    world.tick();
    world.window(true);
  }
  world.event("sli1", wire::EventState::closed, 31);
  world.tick();
  EXPECT_EQ(world.said.size(), 1U);
}

TEST(Infer, CorrectsItselfWhenACauseAppears) {
  Infer::Config config;
  config.patience = 0s;
  World world(config);
  world.settle();
  world.event("sli1", wire::EventState::open);
  world.tick();
  for (int i = 0; i < 12; ++i) {
    world.window(true);
    world.tick();
  }
  ASSERT_EQ(world.said.size(), 2U);
  EXPECT_TRUE(world.said[0].causes.empty());
  EXPECT_EQ(world.said[1].version, 2U);
  EXPECT_EQ(world.said[1].causes.at(0)->entity_id, "disk1");
}

TEST(Infer, IsSurerOfACauseWithABetterScore) {
  Infer::Config config;
  config.confidence_offset = -3;
  config.confidence_lapse = 0.2;
  World world(config);
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  const double score = world.said[0].causes.at(0)->score;
  const double exponent = -3 + config.confidence_score * score;
  EXPECT_NEAR(world.said[0].confidence, 0.8 / (1 + std::exp(-exponent)), 1e-9);
}

TEST(Infer, IsLessSureWhenRowsWereLost) {
  double score[2] = {0, 0};
  for (const bool loses : {false, true}) {
    World world;
    world.settle();
    world.window(true, false, loses ? 4 : 0);
    world.window(true, false, loses ? 4 : 0);
    world.event("sli1", wire::EventState::open, 1);
    for (int i = 0; i < 4; ++i) {
      world.window(true, false, loses ? 4 : 0);
      world.tick();
    }
    ASSERT_FALSE(world.said.empty());
    score[loses ? 1 : 0] = world.said[0].causes.at(0)->score;
    EXPECT_EQ(world.said[0].lost > 0, loses);
  }
  EXPECT_LT(score[1], score[0]);
}

TEST(Infer, SpeaksBeforeItStops) {
  World world;
  world.settle();
  world.window(true);
  world.event("sli1", wire::EventState::open);
  Outbox out;
  world.infer().drain(world.now(), out);
  EXPECT_EQ(out.items().size(), 1U);
}

}  // namespace
}  // namespace gala::infer
