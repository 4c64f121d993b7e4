// What the tests of threshold and dedup build: a model from text, observations, a simulated
// service.
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/wire.h"
#include "runtime/judge/stage_bench.h"
#include "runtime/model/model.h"
#include "stages/threshold/threshold.h"

namespace gala::threshold::testing {

using namespace gala::testing;

/// A model of one entity "sli" (key tgid, label comm; metrics latency, throughput, drops, errors)
/// with these checks.
inline Model model_with(const std::string& checks, Diagnostics& diagnostics) {
  const std::string head = R"(
[entity]
about = "What an application says of itself."
zh = "应用"
level = "process"
[key.tgid]
about = "Process id."
zh = "进程号"
[label.comm]
about = "Name."
zh = "名字"
[table.requests]
from = "sli.requests"
[metric.latency]
table = "requests"
type = "histogram"
unit = "s"
kpi = true
about = "Time to answer."
zh = "时延"
[metric.throughput]
table = "requests"
type = "gauge"
unit = "1/s"
kpi = true
about = "Answers."
zh = "吞吐"
[metric.drops]
table = "requests"
type = "counter"
unit = "1"
about = "Lost."
zh = "丢失"
)";
  const std::vector<SourceText> files{{"sli.toml", head + checks}};
  return Model::parse(files, diagnostics);
}

/// Upper bounds of 98 buckets, four an octave from 1 µs to 17 s, as the probes have them.
inline std::vector<double> latency_bounds() {
  std::vector<double> bounds{1.024e-6};
  for (int i = 1; i < 97; ++i) {
    const double octave = std::ldexp(1.024e-6, (i - 1) / 4);
    bounds.push_back(octave * (1 + 0.25 * (1 + (i - 1) % 4)));
  }
  bounds.push_back(std::numeric_limits<double>::infinity());
  return bounds;
}

/// A service that answers requests with lognormal latencies; every window is one second.
class Service {
 public:
  explicit Service(unsigned seed) : random_(seed) {}

  /// Median latency, spread (σ of the logarithm) and mean number of requests of the next windows.
  struct Mode {
    double median_s = 0.001;
    double spread = 0.5;
    double requests = 200;
  };

  Histogram window(const Mode& mode) {
    const auto bounds = latency_bounds();
    Histogram histogram;
    histogram.counts.resize(bounds.size());
    std::poisson_distribution<int> how_many(mode.requests);
    std::lognormal_distribution<double> latency(std::log(mode.median_s), mode.spread);
    for (int left = mode.requests > 0 ? how_many(random_) : 0; left > 0; --left) {
      const double value = latency(random_);
      const auto at = std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin();
      ++histogram.counts[static_cast<std::size_t>(at)];
      histogram.sum += value;
      histogram.maximum = std::max(histogram.maximum, value);
    }
    return histogram;
  }

 private:
  std::mt19937 random_;
};

/// One row of entity sli.
struct SliRow {
  std::string entity_id = "m1_sli_42";
  double throughput = not_measured;
  std::uint64_t drops = 0;
  Histogram latency = {};
};

/// The observations of the window that ends at `end_ns`.
inline std::vector<std::uint8_t> observe(const std::vector<SliRow>& rows, std::uint64_t end_ns,
                                         std::vector<std::string> ended = {},
                                         std::uint64_t length_ns = second) {
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  const auto tgid = batch.add_column("tgid", wire::ColumnKind::text, wire::ColumnRole::key);
  const auto comm = batch.add_column("comm", wire::ColumnKind::text, wire::ColumnRole::label);
  const auto latency =
      batch.add_column("latency", wire::ColumnKind::histogram, wire::ColumnRole::metric);
  const auto throughput =
      batch.add_column("throughput", wire::ColumnKind::number, wire::ColumnRole::metric);
  const auto drops = batch.add_column("drops", wire::ColumnKind::integer, wire::ColumnRole::metric);
  batch.column(latency).bounds = latency_bounds();
  batch.column(latency).unit = "s";
  for (const SliRow& row : rows) {
    batch.column(id).add(std::string_view(row.entity_id));
    batch.column(tgid).add(std::string_view("42"));
    batch.column(comm).add(std::string_view("redis"));
    batch.column(latency).add(row.latency);
    batch.column(throughput).add(row.throughput);
    batch.column(drops).add(row.drops);
  }
  const BatchWindow window{"m1", end_ns - length_ns, end_ns, wall_offset_ns, 0};
  return to_observations(batch, "sli", "requests", window, ended);
}

/// A threshold stage over checks of entity sli.
class Bench : public StageBench<Threshold> {
 public:
  explicit Bench(const std::string& checks, Threshold::Config config = {})
      : Bench(parse(checks), config) {}
  explicit Bench(Model model) : StageBench(std::move(model)) {}

  /// What is wrong with the checks' text; empty when nothing is.
  [[nodiscard]] std::string complaints() const { return complaints_; }

  /// One window of one entity that ends one second after the one before.
  std::vector<wire::EventT> next(const SliRow& row) { return feed(observe({row}, step())); }

 private:
  struct Parsed {
    Diagnostics diagnostics;
    Model model;
  };
  static Parsed parse(const std::string& checks) {
    Parsed parsed;
    parsed.model = model_with(checks, parsed.diagnostics);
    return parsed;
  }
  Bench(Parsed parsed, Threshold::Config config)
      : StageBench(std::move(parsed.model), config), complaints_(parsed.diagnostics.render({})) {}

  std::string complaints_;
};

}  // namespace gala::threshold::testing
