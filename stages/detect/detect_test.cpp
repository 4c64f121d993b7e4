// The stage as a whole: silent on healthy load, an event for an incident, and input that means no
// good.
#include "stages/detect/detect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "stages/detect/testing.h"

namespace gala::detect {
namespace {

using namespace gala::testing;
using namespace gala::detect::testing;

TEST(Detect, IsSilentThroughHoursOfHealthyWanderingLoad) {
  std::size_t events = 0;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    DetectBench bench;
    ASSERT_EQ(bench.complaints(), "");
    WanderingService service(seed);
    for (int i = 0; i < 3 * 3600; ++i) {
      bench.next(service.next());
    }
    events += static_cast<std::size_t>(bench.gauge("opened_total"));
  }
  EXPECT_EQ(events, 0U);
}

TEST(Detect, SaysOneIncidentOnceAndClosesIt) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    DetectBench bench;
    WanderingService service(seed);
    for (int i = 0; i < 900; ++i) {
      bench.next(service.next());
    }
    std::vector<wire::EventT> events;
    for (int i = 0; i < 120; ++i) {
      ServiceRow row = service.next();
      if (i < 60) {
        row.work *= 4;
        row.latency = row.latency * 2 + 0.0015;
      }
      for (wire::EventT& event : bench.next(row)) {
        events.push_back(std::move(event));
      }
    }
    ASSERT_FALSE(events.empty()) << seed;
    const wire::EventT& opened = events.front();
    EXPECT_EQ(opened.state, wire::EventState::open);
    EXPECT_EQ(opened.metric, "latency");
    EXPECT_EQ(opened.kind, wire::EventKind::app);
    EXPECT_EQ(opened.event_id.substr(13), "_m1_service_42_latency");
    EXPECT_GT(opened.score, 1);
    EXPECT_GT(opened.expected_high, opened.expected_low);
    ASSERT_FALSE(opened.blames.empty());
    EXPECT_EQ(opened.blames.front()->entity_id, "m1_service_42");
    EXPECT_EQ(opened.blames.front()->entity, "service");
    EXPECT_LE(opened.updated_ns, (1000 + 900 + 10) * second);
    EXPECT_EQ(events.back().state, wire::EventState::closed);
    EXPECT_EQ(events.back().ending, wire::Ending::normal);
    EXPECT_EQ(events.back().event_id, opened.event_id);
    EXPECT_EQ(bench.gauge("opened_total"), 1);
    EXPECT_EQ(bench.gauge("open_events"), 0);
  }
}

TEST(Detect, TakesALastingChangeForTheNewLevel) {
  Detect::Config config;
  config.new_level_after = std::chrono::minutes(2);
  DetectBench bench(config);
  WanderingService service(7);
  for (int i = 0; i < 900; ++i) {
    bench.next(service.next());
  }
  wire::Ending ending = wire::Ending::none;
  for (int i = 0; i < 1800; ++i) {
    ServiceRow row = service.next();
    row.latency = row.latency * 3 + 0.001;
    for (const wire::EventT& event : bench.next(row)) {
      ending = event.state == wire::EventState::closed ? event.ending : ending;
    }
  }
  EXPECT_EQ(ending, wire::Ending::new_level);
  EXPECT_EQ(bench.gauge("open_events"), 0);
}

TEST(Detect, SurvivesGapsNanConstantsResetsAndClockSteps) {
  DetectBench bench;
  const double bad[] = {not_measured, std::numeric_limits<double>::infinity(), -1e300, 1e300, 0};
  for (int i = 0; i < 2000; ++i) {
    ServiceRow row;
    if (i % 7 == 0) {
      row.latency = bad[static_cast<std::size_t>(i / 7) % 5];
    }
    if (i % 11 == 0) {
      row.rate = bad[static_cast<std::size_t>(i / 11) % 5];
    }
    if (i % 97 == 0) {
      bench.skip(500);
    }
    bench.next(row);
  }
  EXPECT_GT(bench.gauge("judged_total"), 1000);
  // A clock that steps back: the message of another boot is taken, a late one is not.
  bench.feed(observe_services({ServiceRow{}}, 10 * second));
  EXPECT_EQ(bench.gauge("out_of_order_total"), 1);
}

TEST(Detect, JudgesAWindowOnceHoweverOftenItIsSent) {
  DetectBench bench;
  WanderingService service(2);
  for (int i = 0; i < 200; ++i) {
    const auto message = observe_services({service.next()}, bench.step());
    for (int copy = 0; copy < 10; ++copy) {
      bench.feed(message);
    }
  }
  EXPECT_EQ(bench.gauge("entities"), 1);
  EXPECT_EQ(bench.gauge("out_of_order_total"), 9 * 200);
  EXPECT_EQ(bench.gauge("opened_total"), 0);
}

TEST(Detect, IsNotBlindedByAnIncidentThatBeganBeforeTheStart) {
  DetectBench bench;
  WanderingService service(4);
  std::vector<std::string> opened_at;
  for (int i = 0; i < 1900; ++i) {
    ServiceRow row = service.next();
    if (i < 90 || i >= 1800) {
      row.work *= 4;
      row.latency = row.latency * 2 + 0.0015;
    }
    for (const wire::EventT& event : bench.next(row)) {
      if (event.state == wire::EventState::open) {
        opened_at.push_back(i < 1800 ? "before" : "after");
      }
    }
  }
  EXPECT_THAT(opened_at, ::testing::ElementsAre("after"));
}

TEST(Detect, BoundsItsEntitiesAndForgetsThem) {
  Detect::Config config;
  config.max_entities = 100;
  DetectBench bench(config);
  bench.tick();
  for (int round = 0; round < 20; ++round) {
    std::vector<ServiceRow> rows(1000);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].entity_id = "e" + std::to_string(i);
    }
    bench.skip(1);
    bench.feed(observe_services(rows, bench.now_ns()));
  }
  EXPECT_EQ(bench.gauge("entities"), 100);
  EXPECT_GT(bench.gauge("refused_total"), 0);
  bench.feed(observe_services({}, bench.now_ns(), {"e1", "nobody", ""}));
  EXPECT_EQ(bench.gauge("entities"), 99);
  bench.tick();
  bench.skip(1000);
  bench.tick();
  bench.skip(1000);
  bench.tick();
  EXPECT_EQ(bench.gauge("entities"), 0);
}

TEST(Detect, FlappingEntitiesLeaveNothingBehind) {
  DetectBench bench;
  for (int i = 0; i < 500; ++i) {
    const std::string id = "flap" + std::to_string(i);
    ServiceRow row;
    row.entity_id = id;
    bench.next(row);
    bench.feed(observe_services({}, bench.now_ns(), {id}));
  }
  EXPECT_EQ(bench.gauge("entities"), 0);
  EXPECT_EQ(bench.gauge("open_events"), 0);
}

TEST(Detect, CarriesItsModelsOverARestart) {
  DetectBench before;
  WanderingService service(3);
  for (int i = 0; i < 600; ++i) {
    before.next(service.next());
  }
  const std::vector<std::uint8_t> saved = before.stage().save();
  DetectBench after;
  ASSERT_TRUE(after.stage().load(saved));
  EXPECT_EQ(after.gauge("entities"), 1);
  EXPECT_EQ(after.stage().save(), saved);
}

TEST(Detect, RefusesDamagedModelsAndStaysUsable) {
  DetectBench before;
  before.next(ServiceRow{});
  std::vector<std::uint8_t> saved = before.stage().save();
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, saved.size() / 2}) {
    DetectBench after;
    EXPECT_FALSE(after.stage().load(std::span(saved).first(size)));
    after.next(ServiceRow{});
    EXPECT_EQ(after.gauge("entities"), 1);
  }
}

TEST(Detect, GivesEqualBytesForEqualInput) {
  const auto run = [] {
    DetectBench bench;
    WanderingService service(5);
    for (int i = 0; i < 400; ++i) {
      bench.next(service.next());
    }
    return bench.stage().save();
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace gala::detect
