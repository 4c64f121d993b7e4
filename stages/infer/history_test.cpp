// What is remembered: which series, which statistic, how long, and of whom.
#include "stages/infer/history.h"

#include <gtest/gtest.h>

#include <limits>

namespace gala::infer {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view process_model = R"(
[entity]
about = "a"
zh = "a"
level = "process"
[key.tgid]
about = "a"
[table.main]
from = "probe.main"
[metric.cpu]
table = "main"
type = "gauge"
unit = "s"
about = "a"
zh = "a"
[metric.delay]
table = "main"
type = "histogram"
unit = "s"
kpi = true
about = "a"
zh = "a"
[metric.other]
table = "main"
type = "gauge"
unit = "s"
about = "a"
zh = "a"
[table.rare]
from = "probe.rare"
[metric.faults]
table = "rare"
per = "second"
type = "gauge"
unit = "1/s"
about = "a"
zh = "a"
[metric.depth]
table = "rare"
type = "gauge"
unit = "1"
about = "a"
zh = "a"
[[check]]
id = "slow"
metric = "delay"
statistic = "p95"
kind = "deviation"
text = "a"
zh = "a"
[[hazard]]
id = "cpu_high"
kind = "any"
metric = "cpu"
above = 1
keyword = "cpu"
text = "a"
zh = "a"
[[hazard]]
id = "faults_high"
kind = "any"
metric = "faults"
above = 1
keyword = "memory"
text = "a"
zh = "a"
[[hazard]]
id = "depth_high"
kind = "any"
metric = "depth"
above = 1
keyword = "memory"
text = "a"
zh = "a"
[[exposure]]
suffers = "delay"
to = "any"
)";

Model test_model() {
  const std::vector<SourceText> files{{"proc.toml", std::string(process_model)}};
  Diagnostics diagnostics;
  return Model::parse(files, diagnostics);
}

class World {
 public:
  explicit World(HistoryLimits limits = {}) : history(interest_, limits) {}

  void see(const std::string& id, double cpu, std::uint64_t second,
           const std::vector<std::string>& ended = {}, const std::string& machine = "m1") {
    Batch batch;
    const auto ids = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
    const auto cpus = batch.add_column("cpu", wire::ColumnKind::number, wire::ColumnRole::metric);
    const auto delays =
        batch.add_column("delay", wire::ColumnKind::histogram, wire::ColumnRole::metric);
    batch.column(delays).bounds = {1, 2, std::numeric_limits<double>::infinity()};
    batch.column(ids).add(std::string_view(id));
    batch.column(cpus).add(cpu);
    batch.column(delays).add(Histogram{{100, 0, 0}, 50, 1});
    const auto payload =
        to_observations(batch, "proc", "main", {machine, 0, second * 1'000'000'000U, 0, 3}, ended);
    history.observe(*flatbuffers::GetRoot<wire::Observations>(payload.data()), clocks);
  }

  /// A row of a table that tells only what happened.
  void see_rare(const std::string& id, double faults, std::uint64_t second) {
    Batch batch;
    const auto ids = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
    batch.column(ids).add(std::string_view(id));
    for (const char* name : {"faults", "depth"}) {
      const auto column =
          batch.add_column(name, wire::ColumnKind::number, wire::ColumnRole::metric);
      batch.column(column).add(faults);
    }
    const std::uint64_t end = second * 1'000'000'000U;
    const auto payload =
        to_observations(batch, "proc", "rare", {"m1", end - 1'000'000'000U, end, 0, 0}, {});
    history.observe(*flatbuffers::GetRoot<wire::Observations>(payload.data()), clocks);
  }

  [[nodiscard]] std::span<const Sample> samples(const std::string& id,
                                                const SeriesName& name) const {
    const EntityHistory* entity = history.find(id);
    const auto slot = interest_.slot("proc", name);
    return entity == nullptr || !slot ? std::span<const Sample>{} : history.samples(*entity, *slot);
  }

 private:
  Model model_ = test_model();
  Interest interest_{model_};

 public:
  History history;
  Clocks clocks;
};

const SeriesName cpu{"cpu", Statistic::value};

TEST(History, RemembersWhatTheModelNames) {
  World world;
  world.see("p", 4, 1);
  ASSERT_EQ(world.samples("p", cpu).size(), 1U);
  EXPECT_DOUBLE_EQ(world.samples("p", cpu)[0].value, 4);
  ASSERT_EQ(world.samples("p", {"delay", Statistic::p95}).size(), 1U);
  EXPECT_NEAR(world.samples("p", {"delay", Statistic::p95})[0].value, 0.95, 1e-9);
  EXPECT_TRUE(world.samples("p", {"other", Statistic::value}).empty());
  EXPECT_TRUE(world.samples("nobody", cpu).empty());
}

TEST(History, IsBoundedInTimeAndEntities) {
  World world({.windows = 20, .entities = 2});
  for (std::uint64_t second = 1; second <= 100; ++second) {
    world.see("p", static_cast<double>(second), second);
  }
  EXPECT_EQ(world.samples("p", cpu).size(), 20U);
  EXPECT_DOUBLE_EQ(world.samples("p", cpu).back().value, 100);
  world.see("q", 1, 100);
  world.see("r", 1, 100);
  EXPECT_EQ(world.history.entity_count(), 2U);
  EXPECT_EQ(world.history.refused_rows(), 1U);
}

TEST(History, LeavesGapsOut) {
  World world;
  world.see("p", 1, 1);
  world.see("p", not_measured, 2);
  world.see("p", std::numeric_limits<double>::infinity(), 3);
  world.see("p", 2, 4);
  world.see("p", 9, 4);
  world.see("p", 9, 3);
  EXPECT_EQ(world.samples("p", cpu).size(), 2U);
}

// Tables of kernel maps have no row for what is idle. Without the zeros the only past that a burst
// has are earlier bursts.
TEST(History, TakesTheSilenceOfARateForZero) {
  World world;
  for (std::uint64_t second = 1; second <= 10; ++second) {
    world.see("p", 1, second);
    if (second == 4 || second == 9) {
      world.see_rare("p", 7, second);
    }
  }
  std::vector<double> values;
  for (const Sample& sample : world.samples("p", {"faults", Statistic::value})) {
    values.push_back(sample.value);
  }
  EXPECT_EQ(values, (std::vector<double>{0, 0, 0, 7, 0, 0, 0, 0, 7}));
  EXPECT_EQ(world.samples("p", {"depth", Statistic::value}).size(), 2U) << "a level is unknown";
}

TEST(History, KnowsNothingOfATimeInWhichTheEntityWasNotSeen) {
  World world;
  world.see_rare("p", 7, 1);
  world.see_rare("p", 7, 60);
  EXPECT_EQ(world.samples("p", {"faults", Statistic::value}).size(), 2U);
}

TEST(History, DoesNotTakeAnotherProcessesPastForItsOwn) {
  World world;
  world.see("p", 1, 1);
  world.see("p", 1, 2, {"p"});
  EXPECT_EQ(world.samples("p", cpu).size(), 2U);
  world.see("p", 5, 3);
  EXPECT_EQ(world.samples("p", cpu).size(), 1U);
}

TEST(History, ForgetsTheSilent) {
  World world;
  world.see("p", 1, 1);
  world.see("q", 1, 50);
  world.history.forget_before(Moment{40s});
  EXPECT_EQ(world.history.entity_count(), 1U);
  EXPECT_EQ(world.history.sample_count(), 2U);
}

TEST(History, AddsUpWhatWasLost) {
  World world;
  world.see("p", 1, 1);
  world.see("p", 1, 2);
  world.see("q", 1, 2);
  EXPECT_EQ(world.history.loss_since(Moment{2s}).lost, 6U);
  EXPECT_EQ(world.history.loss_since(Moment{2s}).seen, 2U);
}

TEST(Clocks, PutMachinesOnOneTimeLine) {
  Clocks clocks;
  const Moment here = clocks.moment("m1", BootTime{100s}, 1'000'000'000);
  const Moment there = clocks.moment("m2", BootTime{40s}, 61'000'000'000);
  EXPECT_EQ(here, there);
  // A wall clock that steps does not move what was measured.
  EXPECT_EQ(clocks.moment("m1", BootTime{101s}, 500'000'000'000), here + 1s);
  EXPECT_EQ(clocks.boot_time("m2", here), BootTime{40s});
}

TEST(Clocks, SurviveHostileTimes) {
  Clocks clocks;
  const Moment far = clocks.moment("m1", BootTime::from_ns(~std::uint64_t{0} >> 1),
                                   std::numeric_limits<std::int64_t>::max());
  EXPECT_GT(far, Moment{});
  EXPECT_GE(clocks.boot_time("m1", Moment{-(100h)}), BootTime{});
}

}  // namespace
}  // namespace gala::infer
