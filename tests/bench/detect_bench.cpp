// Cost of detect for each metric point, and the memory of its models. Budget: at least 1 million
// points a second on one core; 200 bytes a metric for the simple methods.
#include <benchmark/benchmark.h>

#include <random>

#include "stages/detect/autoregression.h"
#include "stages/detect/entity_detector.h"
#include "stages/detect/testing.h"

namespace gala::detect {
namespace {

/// One entity with range(0) metrics: judge and learn row after row.
void judge_entity(benchmark::State& state) {
  DetectorShape shape;
  shape.metrics = static_cast<std::size_t>(state.range(0));
  EntityDetector detector(shape);
  std::mt19937 random(1);
  std::normal_distribution<double> noise;
  std::vector<std::vector<double>> rows(512, std::vector<double>(shape.metrics));
  for (auto& row : rows) {
    for (double& value : row) {
      value = 10 + noise(random);
    }
  }
  std::size_t at = 0;
  for (auto each : state) {
    static_cast<void>(each);
    benchmark::DoNotOptimize(detector.next(rows[at % rows.size()], static_cast<double>(at)));
    ++at;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * shape.metrics));
  state.counters["bytes_per_metric"] =
      static_cast<double>(detector.bytes()) / static_cast<double>(shape.metrics);
}
BENCHMARK(judge_entity)->Arg(1)->Arg(4)->Arg(19)->Arg(38)->Arg(200);

/// The simple methods alone: level and autoregression of each metric.
void judge_simply(benchmark::State& state) {
  constexpr std::size_t metrics = 1000;
  Autoregression forecast(metrics, 10'000);
  Level level(metrics, {});
  std::mt19937 random(1);
  std::normal_distribution<double> noise(10, 1);
  std::vector<double> row(metrics);
  for (double& value : row) {
    value = noise(random);
  }
  double sum = 0;
  for (auto each : state) {
    static_cast<void>(each);
    for (std::size_t i = 0; i < metrics; ++i) {
      sum += forecast.error(i, row[i]) + level.deviations(i, row[i]);
      forecast.learn(i, row[i], 1);
      level.learn(i, row[i], 1e-4);
    }
    level.next_row(true);
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * metrics));
  constexpr double level_bytes = 3 * sizeof(double) + 2 * sizeof(float);
  state.counters["bytes_per_metric"] =
      static_cast<double>(Autoregression::bytes_per_metric()) + level_bytes;
}
BENCHMARK(judge_simply);

constexpr std::string_view peers_check = R"(
[[check]]
id = "slow_peer"
metric = "latency"
kind = "peers"
among = ["comm"]
baseline = "10m"
warmup = "20s"
factor = 5
least_change = 0.5
text = "{value}"
zh = "{value}"
)";

/// The whole stage: messages of range(0) services of which `points` metrics each are judged.
void judge_services(benchmark::State& state, std::string_view checks, std::int64_t points) {
  testing::DetectBench bench(checks);
  std::vector<testing::ServiceRow> rows(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].entity_id = "m1_service_" + std::to_string(i);
  }
  std::uint64_t end_ns = 2000 * testing::second;
  for (auto each : state) {
    static_cast<void>(each);
    end_ns += testing::second;
    const auto message = testing::observe_services(rows, end_ns);
    benchmark::DoNotOptimize(bench.feed(message));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * points * state.range(0));
}
void judge_messages(benchmark::State& state) { judge_services(state, testing::joint_check, 3); }
BENCHMARK(judge_messages)->Arg(1000);
/// All of them one group of equals.
void judge_peers(benchmark::State& state) { judge_services(state, peers_check, 1); }
BENCHMARK(judge_peers)->Arg(1000)->Arg(10'000);

}  // namespace
}  // namespace gala::detect
