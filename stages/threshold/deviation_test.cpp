// The deviation check against simulated services: silent on all that is usual, quick on what is
// not. Goal: an hour of virtual time without a false alarm for each kind of load, on several seeds,
// and every fault seen within `for` + 1 windows. Latencies are lognormal, counts Poisson, windows
// one second.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "stages/threshold/testing.h"

namespace gala::threshold {
namespace {

using namespace gala::testing;
using namespace gala::threshold::testing;
using namespace std::chrono_literals;

constexpr int hour = 3600;
constexpr int hold = 3;

/// As the shipped model has it, but for the floor.
std::string latency_check(const std::string& statistic) {
  return R"(
[[check]]
id = "slow_)" +
         statistic + R"("
metric = "latency"
statistic = ")" +
         statistic + R"("
kind = "deviation"
baseline = "600s"
warmup = "30s"
factor = 4
least_change = 1.0
least_count = 5
for = "3s"
clear_for = "5s"
text = "{comm}: {statistic} {value}, usually {expected}"
zh = "{value}"
)";
}

using Load = std::function<Service::Mode(int at)>;

/// Which check opened an event in which window (0, 1, …).
using Openings = std::vector<std::pair<std::string, int>>;

Openings openings(const Load& load, int windows, unsigned seed) {
  Bench bench(latency_check("p95") + latency_check("mean"));
  EXPECT_EQ(bench.complaints(), "");
  Service service(seed);
  Openings opened;
  for (int at = 0; at < windows; ++at) {
    for (const auto& event : bench.next({.latency = service.window(load(at))})) {
      if (event.state == wire::EventState::open) {
        opened.emplace_back(event.statistic, at);
      }
    }
  }
  return opened;
}

void expect_silence(const Load& load, int windows = hour) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    EXPECT_EQ(openings(load, windows, seed), Openings{}) << "seed " << seed;
  }
}

/// Nothing before `from`; both checks open in one of the `hold` + 1 windows from there on.
void expect_opening(const Load& load, int from) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const Openings opened = openings(load, from + 100, seed);
    EXPECT_EQ(opened.size(), 2u) << "seed " << seed;
    for (const auto& [statistic, at] : opened) {
      EXPECT_GE(at, from) << statistic << ", seed " << seed;
      EXPECT_LE(at, from + hold) << statistic << ", seed " << seed;
    }
  }
}

double wave(int at, int period) {
  return std::sin(2 * std::numbers::pi * at / static_cast<double>(period));
}

/// Response time of a queue at this share of its capacity.
Service::Mode queue(double share) {
  return {.median_s = 0.001 / (1 - share), .spread = 0.5, .requests = 400 * share};
}

TEST(DeviationStaysSilent, OnASteadyService) {
  expect_silence([](int) { return Service::Mode{}; });
}

TEST(DeviationStaysSilent, OnFewAndVeryDifferentRequests) {
  expect_silence([](int) { return Service::Mode{.spread = 1.0, .requests = 30}; });
  expect_silence([](int) { return Service::Mode{.spread = 1.2, .requests = 8}; });
}

TEST(DeviationStaysSilent, WhenLoadVariesByHalf) {
  for (const int period : {60, 240, 1200}) {
    expect_silence([period](int at) { return queue(0.5 + 0.25 * wave(at, period)); });
  }
}

TEST(DeviationStaysSilent, WhenLoadJumpsByHalf) {
  expect_silence([](int at) { return queue(at / 120 % 2 == 0 ? 0.3 : 0.75); });
}

TEST(DeviationStaysSilent, OnASlowRamp) {
  expect_silence([](int at) { return queue(0.05 + 0.85 * at / hour); });
  // Latency alone creeps up, fivefold in an hour, at constant load.
  expect_silence([](int at) { return Service::Mode{.median_s = 0.001 * (1 + 4.0 * at / hour)}; });
}

TEST(DeviationStaysSilent, WhenIdleAndBusyAlternate) {
  // Busy is slower (queues), then idle is slower (cold caches, sleeping processors), then the idle
  // half has no request at all.
  expect_silence([](int at) {
    return at / 90 % 2 == 0 ? Service::Mode{.requests = 10} : Service::Mode{.median_s = 0.003};
  });
  expect_silence([](int at) {
    return at / 90 % 2 == 0 ? Service::Mode{.median_s = 0.004, .requests = 10} : Service::Mode{};
  });
  expect_silence(
      [](int at) { return at / 90 % 2 == 0 ? Service::Mode{.requests = 0} : Service::Mode{}; });
}

TEST(DeviationStaysSilent, WhenABusyHourFollowsAnIdleOne) {
  expect_silence([](int at) {
    return at < hour / 2 ? Service::Mode{.median_s = 0.0004, .requests = 20}
                         : Service::Mode{.median_s = 0.0015, .requests = 1000};
  });
  expect_silence([](int at) {
    return at < hour / 2 ? Service::Mode{.median_s = 0.0004, .requests = 1000}
                         : Service::Mode{.median_s = 0.0015, .requests = 20};
  });
}

// Cold caches: the first half minute is up to ten times slower.
TEST(DeviationStaysSilent, WhenAnApplicationStartsUnderLoad) {
  expect_silence(
      [](int at) { return Service::Mode{.median_s = 0.001 * (1 + 9 * std::exp(-at / 8.0))}; });
  // And when the load comes up slowly after the start.
  expect_silence([](int at) { return queue(std::min(0.8, 0.01 + at / 150.0)); });
}

TEST(DeviationStaysSilent, OnShortSpikes) {
  expect_silence([](int at) { return Service::Mode{.median_s = at % 45 < 2 ? 0.02 : 0.001}; });
}

TEST(DeviationSeesA, ThreefoldStep) {
  expect_opening([](int at) { return Service::Mode{.median_s = at < 600 ? 0.001 : 0.003}; }, 600);
}

TEST(DeviationSeesA, StepRightAfterItsWarmup) {
  expect_opening([](int at) { return Service::Mode{.median_s = at < 40 ? 0.001 : 0.003}; }, 40);
}

TEST(DeviationSeesA, StepSoonAfterAStartWithColdCaches) {
  expect_opening(
      [](int at) {
        const double cold = 1 + 9 * std::exp(-at / 4.0);
        return Service::Mode{.median_s = (at < 60 ? 0.001 : 0.003) * cold};
      },
      60);
}

// Closed loop: 50 clients wait for their answers, so a slow server is asked less.
TEST(DeviationSeesA, SlowServerWhoseClientsWait) {
  expect_opening(
      [](int at) {
        return at < 300 ? Service::Mode{.requests = 600}
                        : Service::Mode{.median_s = 0.003, .requests = 200};
      },
      300);
}

// A stall: seven answers a second instead of thousands, each late by half a second.
TEST(DeviationSeesA, StallWithAlmostNoAnswers) {
  expect_opening(
      [](int at) {
        return at < 300 ? Service::Mode{.requests = 3000}
                        : Service::Mode{.median_s = 0.5, .spread = 0.2, .requests = 20};
      },
      300);
}

TEST(DeviationSeesA, StepOnAVaryingLoad) {
  expect_opening(
      [](int at) {
        Service::Mode mode = queue(0.5 + 0.2 * wave(at, 240));
        mode.median_s *= at < 1200 ? 1 : 5;
        return mode;
      },
      1200);
}

TEST(Deviation, TellsWhenItBentAndWhatIsUsual) {
  Bench bench(latency_check("p95"));
  Service service(1);
  std::vector<wire::EventT> events;
  for (int at = 0; at < 310 && events.empty(); ++at) {
    events = bench.next({.latency = service.window({.median_s = at < 300 ? 0.001 : 0.01})});
  }
  ASSERT_EQ(events.size(), 1u);
  // Window 300 is the first abnormal one; the first window ends at 1001 s.
  EXPECT_EQ(events[0].started_ns, 1301 * second);
  EXPECT_EQ(events[0].kind, wire::EventKind::app);
  EXPECT_NEAR(events[0].value, 0.0227, 0.006);
  EXPECT_LT(events[0].expected_low, events[0].expected_high);
  EXPECT_LT(events[0].expected_high, 0.006);
  EXPECT_GT(events[0].score, 2);
  EXPECT_TRUE(events[0].text.starts_with("redis: p95 2")) << events[0].text;
}

TEST(Deviation, ClosesWhenAllIsWellAgain) {
  Bench bench(latency_check("p95"));
  Service service(1);
  std::vector<wire::EventT> last;
  for (int at = 0; at < 400; ++at) {
    const bool is_slow = at >= 300 && at < 340;
    auto events = bench.next({.latency = service.window({.median_s = is_slow ? 0.005 : 0.001})});
    last = events.empty() ? last : events;
  }
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].state, wire::EventState::closed);
  EXPECT_EQ(last[0].ending, wire::Ending::normal);
  EXPECT_EQ(last[0].occurrences, 40u);
  EXPECT_EQ(last[0].last_abnormal_ns, 1340 * second);
}

// The abnormal time is not learned; when it lasts it is, and the event closes as a new level.
TEST(Deviation, TakesALastingLevelForTheNewUsual) {
  Bench bench(latency_check("p95"), {.new_level_after = 5min});
  Service service(1);
  std::vector<std::pair<int, wire::EventT>> closed;
  for (int at = 0; at < 2000; ++at) {
    for (auto& event :
         bench.next({.latency = service.window({.median_s = at < 300 ? 0.001 : 0.005})})) {
      if (event.state == wire::EventState::closed) {
        closed.emplace_back(at, std::move(event));
      }
    }
  }
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].second.ending, wire::Ending::new_level);
  EXPECT_NEAR(closed[0].first, 600, 5);
  EXPECT_EQ(bench.gauge("open_events"), 0);
  EXPECT_EQ(bench.gauge("new_levels_total"), 1);
}

TEST(Deviation, NeverClosesOrOpensInAGap) {
  Bench bench(latency_check("p95"));
  Service service(1);
  std::vector<wire::EventT> all;
  for (int at = 0; at < 420; ++at) {
    const bool is_slow = at >= 300;
    const bool is_gap = at >= 310 && at < 410;
    const double requests = is_gap ? 0 : 500;
    for (auto& event : bench.next({.latency = service.window({.median_s = is_slow ? 0.005 : 0.001,
                                                              .requests = requests})})) {
      all.push_back(std::move(event));
    }
  }
  ASSERT_EQ(all.size(), 18u);
  EXPECT_EQ(all.front().state, wire::EventState::open);
  EXPECT_EQ(all.back().state, wire::EventState::updated);
  EXPECT_EQ(all.back().event_id, all.front().event_id);
}

TEST(Deviation, ExcusesThroughputThatFallsBecauseClientsLeft) {
  const std::string check = R"(
[[check]]
id = "less"
metric = "throughput"
kind = "deviation"
direction = "low"
baseline = "600s"
warmup = "30s"
factor = 5
least_change = 0.6
least_count = 5
count_metric = "latency"
for = "3s"
text = "less"
zh = "少"
)";
  const auto opened_by = [&check](const Service::Mode& later) {
    Bench bench(check);
    EXPECT_EQ(bench.complaints(), "");
    Service service(1);
    bool opened = false;
    for (int at = 0; at < 400; ++at) {
      const Histogram latency = service.window(at < 300 ? Service::Mode{} : later);
      const auto total = static_cast<double>(latency.total());
      opened = !bench.next({.throughput = total, .latency = latency}).empty() || opened;
    }
    return opened;
  };
  EXPECT_FALSE(opened_by({.requests = 50}));
  EXPECT_TRUE(opened_by({.median_s = 0.01, .requests = 50}));
}

}  // namespace
}  // namespace gala::threshold
