// The checks of schemas/model/sli.toml as they are shipped: silent on usual load, quick on a fault.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <string>

#include "stages/threshold/testing.h"

namespace gala::threshold {
namespace {

using namespace gala::testing;
using namespace gala::threshold::testing;

using Load = std::function<Service::Mode(int at)>;

Model shipped_model() {
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  return Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics);
}

/// Every latency of the entity with these values, and the throughput that goes with them.
std::vector<std::uint8_t> observe_all(const Entity& entity, const Histogram& latency,
                                      std::uint64_t end_ns) {
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  batch.column(id).add(std::string_view("m1_sli_42_6379"));
  for (const Metric& metric : entity.metrics) {
    if (metric.type == MetricType::histogram) {
      Column& column = batch.column(batch.add_column(metric.name, wire::ColumnKind::histogram));
      column.bounds = latency_bounds();
      column.unit = metric.unit;
      column.add(latency);
    } else if (metric.name == "throughput") {
      batch.column(batch.add_column(metric.name, wire::ColumnKind::number))
          .add(static_cast<double>(latency.total()));
    }
  }
  return to_observations(batch, entity.name, "sli",
                         {"m1", end_ns - second, end_ns, wall_offset_ns, 0});
}

/// "check@window" of every event that opened.
std::vector<std::string> openings(const Load& load, int windows, unsigned seed) {
  const Model model = shipped_model();
  Bench bench(model);
  Service service(seed);
  std::vector<std::string> opened;
  for (int at = 0; at < windows; ++at) {
    const std::uint64_t end_ns = (1000 + static_cast<std::uint64_t>(at)) * second;
    for (const auto& event :
         bench.feed(observe_all(*model.find("sli"), service.window(load(at)), end_ns))) {
      if (event.state == wire::EventState::open) {
        opened.push_back(event.check + "@" + std::to_string(at));
      }
    }
  }
  return opened;
}

/// Windows after which the quickest check of a mean may open.
int quickest_hold() {
  const Model model = shipped_model();
  Duration quickest = std::chrono::seconds(60);
  for (const Check& check : model.find("sli")->checks) {
    if (check.kind == Check::Kind::deviation && check.statistic == Statistic::mean) {
      quickest = std::min(quickest, check.hold);
    }
  }
  return static_cast<int>(quickest / std::chrono::seconds(1));
}

TEST(ShippedChecks, ExistForTheKpi) {
  const Model model = shipped_model();
  ASSERT_NE(model.find("sli"), nullptr);
  EXPECT_LE(quickest_hold(), 5);
}

TEST(ShippedChecks, StaySilentForAnHourOfVaryingLoad) {
  const Load load = [](int at) {
    const double share = 0.5 + 0.25 * std::sin(2 * std::numbers::pi * at / 300.0);
    return Service::Mode{.median_s = 0.001 / (1 - share), .requests = 400 * share};
  };
  EXPECT_EQ(openings(load, 3600, 1), std::vector<std::string>{});
}

TEST(ShippedChecks, StaySilentWhenIdleAndBusyAlternate) {
  const Load load = [](int at) {
    return at / 90 % 2 == 0 ? Service::Mode{.requests = 10} : Service::Mode{.median_s = 0.003};
  };
  EXPECT_EQ(openings(load, 3600, 1), std::vector<std::string>{});
}

// Redis on an idle host answers in 40 µs: three times that is nothing anybody would notice.
TEST(ShippedChecks, StaySilentOnWhatNobodyNotices) {
  const Load load = [](int at) { return Service::Mode{.median_s = at < 300 ? 40e-6 : 120e-6}; };
  EXPECT_EQ(openings(load, 600, 1), std::vector<std::string>{});
}

TEST(ShippedChecks, SeeAThreefoldStepInTime) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    const auto opened =
        openings([](int at) { return Service::Mode{.median_s = at < 300 ? 0.001 : 0.003}; },
                 300 + quickest_hold() + 1, seed);
    ASSERT_FALSE(opened.empty()) << "seed " << seed;
    EXPECT_GE(std::stoi(opened[0].substr(opened[0].find('@') + 1)), 300) << opened[0];
  }
}

}  // namespace
}  // namespace gala::threshold
