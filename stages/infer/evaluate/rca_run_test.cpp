// Cases of foreign metrics: call graphs, missing alarms, nothing to find, bad input.
#include "stages/infer/evaluate/rca_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "stages/infer/evaluate/component_model.h"

namespace gala::infer {
namespace {

constexpr std::size_t rows = 300;
constexpr std::size_t bent = 290;
constexpr double gap = std::numeric_limits<double>::quiet_NaN();

const MetricKinds& shipped_kinds() {
  static const MetricKinds kinds = [] {
    const std::string path = GALA_SOURCE_DIR "/schemas/eval/metric_kinds.toml";
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    Diagnostics diagnostics;
    MetricKinds read = MetricKinds::parse({path, text.str()}, diagnostics);
    EXPECT_FALSE(diagnostics.has_errors());
    return read;
  }();
  return kinds;
}

/// Noise without a random number generator: the same on every machine.
double noise(std::size_t row, std::size_t seed) {
  return std::sin(static_cast<double>(row * 37 + seed * 101)) +
         std::sin(static_cast<double>(row * 13 + seed * 17) * 1.7);
}

class CaseBuilder {
 public:
  CaseBuilder() {
    of.name = "case";
    for (std::size_t row = 0; row < rows; ++row) {
      of.times.push_back(1.7e9 + 60.0 * static_cast<double>(row));
    }
  }

  /// `level` until the incident, `then` from there, with noise of 3 % of the level.
  CaseBuilder& series(const std::string& entity, const std::string& metric, double level,
                      double then, std::size_t from = bent) {
    std::vector<double> values;
    const std::size_t seed = of.series.size();
    for (std::size_t row = 0; row < rows; ++row) {
      values.push_back((row < from ? level : then) + 0.03 * level * noise(row, seed));
    }
    of.series.push_back({entity, metric, std::move(values)});
    return *this;
  }
  CaseBuilder& call(const std::string& from, const std::string& to) {
    of.calls.emplace_back(from, to);
    return *this;
  }
  CaseBuilder& alarm(const std::string& entity, const std::string& metric) {
    of.alarm = RcaAlarm{of.times[bent], entity, metric};
    return *this;
  }
  [[nodiscard]] std::vector<RcaAnswer> answers() const {
    return explain_case(of, shipped_kinds(), {});
  }

  RcaCase of;
};

CaseBuilder shop() {
  CaseBuilder shop;
  shop.call("web", "cart").call("web", "search").call("cart", "db").call("search", "index");
  return shop;
}

TEST(RcaRun, NamesTheDeepestCalleeThatExplainsTheKpi) {
  const auto answers = shop()
                           .series("web", "latency", 0.1, 0.3)
                           .series("cart", "latency", 0.05, 0.25)
                           .series("db", "latency", 0.01, 0.2)
                           .series("search", "latency", 0.04, 0.04)
                           .series("index", "latency", 0.02, 0.02)
                           .alarm("web", "latency")
                           .answers();
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(answers[0].entity, "db");
  EXPECT_EQ(answers[0].metric, "latency");
  EXPECT_GT(answers[0].score, 0.5);
  EXPECT_LE(answers[0].score, 1);
}

TEST(RcaRun, KeepsTheCallerWhenTheCalleesChangeIsFarTooSmall) {
  const auto answers = shop()
                           .series("web", "latency", 0.1, 0.3)
                           .series("cart", "latency", 0.05, 0.25)
                           .series("db", "latency", 0.001, 0.0012)
                           .alarm("web", "latency")
                           .answers();
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(answers[0].entity, "cart");
}

TEST(RcaRun, SeesThroughALoadBalancerThatOnlyItsCallerReports) {
  const auto answers = shop()
                           .call("web", "balancer")
                           .series("web", "errors", 1, 9)
                           .series("balancer", "errors", 1, 21)
                           .series("cart", "errors", 1, 8)
                           .series("db", "errors", 1, 1)
                           .alarm("web", "errors")
                           .answers();
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(answers[0].entity, "cart");
}

TEST(RcaRun, BlamesTheEntityItselfWhenNothingItCallsBent) {
  const auto answers = shop()
                           .series("web", "latency", 0.1, 0.4)
                           .series("cart", "latency", 0.05, 0.05)
                           .series("db", "latency", 0.01, 0.01)
                           .alarm("web", "latency")
                           .answers();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].entity, "web");
}

TEST(RcaRun, FindsTheTimeItselfAndTheResourceThatBent) {
  CaseBuilder builder = shop();
  builder.series("web", "cpu", 2, 2).series("web", "mem", 1e8, 1e8);
  builder.series("cart", "cpu", 1, 60, 200).series("cart", "mem", 1e8, 8e8, 200);
  builder.series("db", "cpu", 3, 3.4, 200).series("db", "mem", 2e8, 2e8);
  const auto answers = builder.answers();
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(answers[0].entity, "cart");
  EXPECT_EQ(answers[0].metric, "mem") << "what takes memory takes processor time too";
}

TEST(RcaRun, TakesALateAlarmForLate) {
  CaseBuilder builder;
  builder.series("web", "cpu", 2, 2).series("cart", "cpu", 1, 60, 200).series("db", "cpu", 3, 3);
  builder.alarm("", "");
  const auto answers = builder.answers();
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(answers[0].entity, "cart");
  EXPECT_EQ(answers[0].metric, "cpu");
}

TEST(RcaRun, FindsNoCauseWhereNothingHappened) {
  CaseBuilder builder = shop();
  for (const std::string entity : {"web", "cart", "db", "search", "index"}) {
    builder.series(entity, "latency", 0.1, 0.1).series(entity, "cpu", 5, 5);
  }
  EXPECT_TRUE(builder.answers().empty());
  builder.alarm("web", "latency");
  EXPECT_TRUE(builder.answers().empty());
}

TEST(RcaRun, EndsOnCallsInACircleAndUnknownEntities) {
  const auto answers = shop()
                           .call("db", "web")
                           .call("cart", "web")
                           .call("cart", "never seen")
                           .series("web", "latency", 0.1, 0.3)
                           .series("cart", "latency", 0.05, 0.25)
                           .series("db", "latency", 0.01, 0.2)
                           .alarm("web", "latency")
                           .answers();
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(answers[0].entity, "db");
}

TEST(RcaRun, SurvivesGapsConstantsAndNothing) {
  CaseBuilder builder = shop();
  builder.series("web", "latency", 0.1, 0.3).series("cart", "latency", 0, 0);
  builder.of.series.push_back({"db", "latency", std::vector<double>(rows, gap)});
  builder.alarm("web", "latency");
  EXPECT_EQ(builder.answers().front().entity, "web");
  EXPECT_TRUE(explain_case({}, shipped_kinds(), {}).empty());
  CaseBuilder late;
  late.series("web", "latency", 1, 1).alarm("web", "latency");
  late.of.alarm->time = 1e12;  // After the last row.
  EXPECT_TRUE(late.answers().empty());
  CaseBuilder unknown;
  unknown.series("web", "latency", 1, 1).alarm("nobody", "nothing");
  EXPECT_TRUE(unknown.answers().empty());
}

TEST(RcaRun, SaysTheSameTwice) {
  CaseBuilder builder = shop();
  builder.series("web", "latency", 0.1, 0.3).series("cart", "latency", 0.05, 0.25);
  builder.alarm("web", "latency");
  const auto first = builder.answers();
  const auto second = builder.answers();
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].entity, second[i].entity);
    EXPECT_EQ(first[i].score, second[i].score);
  }
}

TEST(RcaCase, RefusesATimeWithSomethingBehindIt) {
  const std::string directory = ::testing::TempDir() + "rca_case";
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/metrics.csv") << "time,web/latency\n1,2\n2,2\n";
  const auto read = [&](const std::string& time) {
    std::ofstream(directory + "/alarm.csv") << "time,entity\n" << time << ",web\n";
    return read_rca_case(directory, "one");
  };
  const auto good = read("1.5");
  ASSERT_TRUE(good) << good.error().what;
  EXPECT_EQ(good->alarm->time, 1.5);
  const auto bad = read("12:30");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().what, ::testing::HasSubstr("\"12:30\" is no time"));
  std::filesystem::remove_all(directory);
}

TEST(MetricKinds, ReadNamesAsWords) {
  const MetricKinds& kinds = shipped_kinds();
  EXPECT_EQ(kinds.kind_of("latency_p99"), "latency");
  EXPECT_EQ(kinds.kind_of("latency-50"), "latency");
  EXPECT_EQ(kinds.kind_of("db_cpu"), "cpu");
  EXPECT_EQ(kinds.kind_of("requests_Sum"), "traffic");
  EXPECT_EQ(kinds.kind_of("availability_Average"), "availability");
  EXPECT_EQ(kinds.kind_of("platelets"), "other") << "a word is not a part of a word";
  EXPECT_EQ(kinds.worse("availability"), "low");
  EXPECT_EQ(kinds.worse("other"), "");
}

}  // namespace
}  // namespace gala::infer
