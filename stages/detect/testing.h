// What the tests of detect build: a model with a joint check, observations, a simulated service.
#pragma once

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/wire.h"
#include "runtime/judge/stage_bench.h"
#include "runtime/model/model.h"
#include "stages/detect/detect.h"

namespace gala::detect::testing {

using namespace gala::testing;

/// What every check of the tests is about.
inline constexpr std::string_view service_head = R"(
[entity]
about = "A service."
zh = "服务"
level = "process"
[key]
tgid = { about = "Process id.", zh = "进程号" }
[label]
comm = { about = "Name.", zh = "名字" }
[table.requests]
from = "service.requests"
[metric]
latency = { table = "requests", type = "gauge", unit = "s", kpi = true, worse = "high", about = "Time.", zh = "时延" }
rate = { table = "requests", type = "gauge", unit = "1/s", about = "Requests.", zh = "请求" }
work = { table = "requests", type = "gauge", unit = "s", about = "Part of it.", zh = "处理" }
)";

inline constexpr std::string_view joint_check = R"(
[[check]]
id = "latency_unlikely"
metric = "latency"
kind = "joint"
with = ["rate", "work"]
count_metric = "rate"
direction = "high"
baseline = "10m"
warmup = "60s"
factor = 3
least_change = 0.5
for = "3s"
clear_for = "5s"
text = "{comm} is slow: {value}, usual is {expected}."
zh = "{comm} 变慢：{value}，平时 {expected}。"
)";

inline Model service_model(std::string_view checks, Diagnostics& diagnostics) {
  const std::vector<SourceText> files{
      {"service.toml", std::string(service_head) + std::string(checks)}};
  return Model::parse(files, diagnostics);
}

struct ServiceRow {
  std::string entity_id = "m1_service_42";
  double latency = 0.001;
  double rate = 100;
  double work = 0.0005;
  std::string comm = "shop";
};

inline std::vector<std::uint8_t> observe_services(const std::vector<ServiceRow>& rows,
                                                  std::uint64_t end_ns,
                                                  std::vector<std::string> ended = {}) {
  Batch batch;
  const auto text = [&](std::string_view name, wire::ColumnRole role) {
    return batch.add_column(name, wire::ColumnKind::text, role);
  };
  const auto number = [&](std::string_view name) {
    return batch.add_column(name, wire::ColumnKind::number, wire::ColumnRole::metric);
  };
  const auto id = text("entity_id", wire::ColumnRole::key);
  const auto tgid = text("tgid", wire::ColumnRole::key);
  const auto comm = text("comm", wire::ColumnRole::label);
  const auto latency = number("latency");
  const auto rate = number("rate");
  const auto work = number("work");
  for (const ServiceRow& row : rows) {
    batch.column(id).add(std::string_view(row.entity_id));
    batch.column(tgid).add(std::string_view("42"));
    batch.column(comm).add(std::string_view(row.comm));
    batch.column(latency).add(row.latency);
    batch.column(rate).add(row.rate);
    batch.column(work).add(row.work);
  }
  const BatchWindow window{"m1", end_ns - second, end_ns, wall_offset_ns, 0};
  return to_observations(batch, "service", "requests", window, ended);
}

/// The stage with its model.
class DetectBench : public StageBench<Detect> {
 public:
  explicit DetectBench(Detect::Config config = {}) : DetectBench(joint_check, config) {}
  explicit DetectBench(std::string_view checks, Detect::Config config = {})
      : DetectBench(parse(checks), config) {}

  [[nodiscard]] std::string complaints() const { return complaints_; }
  std::vector<wire::EventT> next(const ServiceRow& row) {
    return feed(observe_services({row}, step()));
  }

 private:
  struct Parsed {
    Diagnostics diagnostics;
    Model model;
  };
  static Parsed parse(std::string_view checks) {
    Parsed parsed;
    parsed.model = service_model(checks, parsed.diagnostics);
    return parsed;
  }
  DetectBench(Parsed parsed, Detect::Config config)
      : StageBench(std::move(parsed.model), config), complaints_(parsed.diagnostics.render({})) {}

  std::string complaints_;
};

/// A service whose load wanders, with a daily pattern and bursts; latency follows the load as in a
/// queue, with noise.
class WanderingService {
 public:
  explicit WanderingService(unsigned seed) : random_(seed) {}

  ServiceRow next() {
    ++second_;
    std::normal_distribution<double> noise;
    drift_ = 0.98 * drift_ + 0.05 * noise(random_);
    if (burst_ > 0) {
      --burst_;
    } else if (std::uniform_real_distribution<double>()(random_) < 1.0 / 300) {
      burst_ = 5 + static_cast<int>(random_() % 40);
    }
    const double day = std::sin(static_cast<double>(second_) * 2 * 3.14159 / 86'400);
    const double load = 0.2 * std::exp(drift_ + 0.4 * day) * (burst_ > 0 ? 1.6 : 1);
    const double busy = std::min(load, 0.7);
    ServiceRow row;
    row.rate = 1000 * load * (1 + 0.05 * noise(random_));
    row.work = 0.0005 * std::exp(0.08 * noise(random_));
    row.latency = (row.work + 0.0003 * busy / (1 - busy)) * std::exp(0.1 * noise(random_));
    return row;
  }

 private:
  std::mt19937 random_;
  std::uint64_t second_ = 0;
  double drift_ = 0;
  int burst_ = 0;
};

}  // namespace gala::detect::testing
