// Cost of threshold for each metric point. Budget: at least 1 million points judged a second on one
// core.
#include <benchmark/benchmark.h>

#include "stages/threshold/testing.h"

namespace gala::threshold {
namespace {

using namespace gala::testing;
using namespace gala::threshold::testing;

constexpr std::uint32_t row_count = 1000;

/// As many limit checks as a tcp_link has, and then some.
constexpr int limit_checks = 8;

std::string limits_on_drops() {
  std::string text;
  for (int i = 0; i < limit_checks; ++i) {
    text +=
        "\n[[check]]\nid = \"drops" + std::to_string(i) +
        "\"\nmetric = \"drops\"\nabove = 10\nfor = \"3s\"\ntext = \"{comm} lost {value}\"\nzh = "
        "\"丢失\"\n";
  }
  return text;
}

constexpr const char* deviation_of_latency = R"toml(
[[check]]
id = "slow"
metric = "latency"
statistic = "p95"
kind = "deviation"
baseline = "600s"
warmup = "30s"
factor = 4
least_change = 1.0
least_count = 5
for = "3s"
text = "{comm} {value}"
zh = "慢"
)toml";

/// Rows of which every `abnormal_of`th loses packets; 0 = none.
std::vector<SliRow> rows_with(int abnormal_of) {
  Service service(1);
  const Histogram latency = service.window({});
  std::vector<SliRow> rows;
  for (std::uint32_t i = 0; i < row_count; ++i) {
    const bool is_abnormal = abnormal_of > 0 && i % static_cast<std::uint32_t>(abnormal_of) == 0;
    rows.push_back({.entity_id = "0123456789abcdef0123456789abcdef_sli_" + std::to_string(i),
                    .drops = is_abnormal ? 50U : 0U,
                    .latency = latency});
  }
  return rows;
}

void judge(benchmark::State& state, const std::string& checks, int abnormal_of,
           int checks_per_row) {
  Bench bench(checks);
  const std::vector<SliRow> rows = rows_with(abnormal_of);
  std::uint64_t now_ns = 2000 * second;
  for (auto _ : state) {
    state.PauseTiming();
    now_ns += second;
    const std::vector<std::uint8_t> message = observe(rows, now_ns);
    const auto* observations = flatbuffers::GetRoot<wire::Observations>(message.data());
    Outbox out;
    state.ResumeTiming();
    bench.stage().on(*observations, Envelope{}, out);
    benchmark::DoNotOptimize(out);
  }
  state.SetItemsProcessed(state.iterations() * row_count * checks_per_row);
}

void ThresholdLimitsAllNormal(benchmark::State& state) {
  judge(state, limits_on_drops(), 0, limit_checks);
}
void ThresholdLimitsOneInHundredAbnormal(benchmark::State& state) {
  judge(state, limits_on_drops(), 100, limit_checks);
}
void ThresholdDeviationOfHistograms(benchmark::State& state) {
  judge(state, deviation_of_latency, 0, 1);
}

BENCHMARK(ThresholdLimitsAllNormal);
BENCHMARK(ThresholdLimitsOneInHundredAbnormal);
BENCHMARK(ThresholdDeviationOfHistograms);

}  // namespace
}  // namespace gala::threshold
