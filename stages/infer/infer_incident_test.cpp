// Several KPIs: which are one incident, and what is said of it.
#include <algorithm>

#include "stages/infer/infer_testing.h"

namespace gala::infer {
namespace {

using namespace std::chrono_literals;
using testing::begin;
using testing::World;

TEST(Infer, ExplainsSeveralKpisEachByItsOwnCause) {
  World world;
  world.settle();
  world.trouble(true, true);
  world.event("sli1", wire::EventState::open, 1);
  world.event("sli2", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 2U);
  EXPECT_EQ(world.said[0].causes.at(0)->entity_id, "disk1");
  EXPECT_EQ(world.said[1].causes.at(0)->entity_id, "disk2");
}

TEST(Infer, TellsKpisOfOneEntityInOneDiagnosis) {
  World world;
  world.two_kpis_of_one_incident();
  world.window(true);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  ASSERT_EQ(world.said[0].kpis.size(), 2U);
  EXPECT_EQ(world.said[0].kpis[0]->event_id, "event_sli1");
  EXPECT_EQ(world.said[0].kpis[1]->metric, "errors");
  EXPECT_EQ(world.said[0].causes.at(0)->entity_id, "disk1");
  world.event("sli1", wire::EventState::closed, 1);
  world.event("sli1", wire::EventState::closed, 1, "errors");
  world.window(false);
  world.tick();
  SelfReport report;
  world.infer().report(report);
  const auto open = std::find_if(report.gauges.begin(), report.gauges.end(),
                                 [](const auto& gauge) { return gauge.name == "open_cases"; });
  ASSERT_NE(open, report.gauges.end());
  EXPECT_EQ(open->value, 0);
}

TEST(Infer, NamesALaterKpiOfTheIncidentInTheNextVersion) {
  World world;
  world.settle();
  world.trouble(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  for (int i = 0; i < 4; ++i) {
    world.window(true);
    world.tick();
  }
  world.event("sli1", wire::EventState::open, 1, "errors");
  for (int i = 0; i < 4; ++i) {
    world.window(true);
    world.tick();
  }
  ASSERT_EQ(world.said.size(), 2U);
  EXPECT_EQ(world.said[1].diagnosis_id, "event_sli1");
  EXPECT_EQ(world.said[1].version, 2U);
  EXPECT_EQ(world.said[1].kpis.size(), 2U);
}

TEST(Infer, TellsServicesWithOneCauseInOneDiagnosis) {
  World world;
  world.share_the_disk();
  world.settle();
  world.trouble(true, true);
  world.event("sli1", wire::EventState::open, 1);
  world.event("sli2", wire::EventState::open, 1);
  for (int i = 0; i < 10; ++i) {
    world.tick();
    world.window(true, true);
  }
  ASSERT_EQ(world.said.size(), 2U);
  EXPECT_EQ(world.said[1].diagnosis_id, world.said[0].diagnosis_id);
  EXPECT_EQ(world.said[1].kpis.size(), 2U);
}

TEST(Infer, BoundsTheOpenCases) {
  Infer::Config config;
  config.max_open = 1;
  World world(config);
  world.settle();
  world.trouble(true, true);
  world.event("sli1", wire::EventState::open, 1);
  world.event("sli2", wire::EventState::open, 1);
  world.tick();
  EXPECT_EQ(world.said.size(), 1U);
  SelfReport report;
  world.infer().report(report);
  EXPECT_EQ(report.complaints.size(), 1U);
}

}  // namespace
}  // namespace gala::infer
