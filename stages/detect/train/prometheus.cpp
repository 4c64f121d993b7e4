// A range of time read from Prometheus, as observations.
#include "stages/detect/train/prometheus.h"

#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/core/batch.h"

namespace gala::detect {
namespace {

constexpr double longest_chunk_s = 6 * 3600;
/// Prometheus answers with at most 11,000 values a series.
constexpr double most_values_in_a_chunk = 10'000;
constexpr double nanoseconds_per_second = 1e9;
/// How many values a mean was made of is not asked for: as many as any check wants.
constexpr std::uint64_t values_in_a_mean = 1000;

/// How much time one query asks for: a whole number of steps.
double chunk_of(double step_s) {
  const double values =
      std::clamp(std::floor(longest_chunk_s / step_s), 1.0, most_values_in_a_chunk);
  return values * step_s;
}

/// Values of one check's columns: time → entity → one value a column, NaN where there is none.
struct Grid {
  std::map<std::int64_t, std::map<std::string, std::vector<double>>> steps;
  std::map<std::string, std::map<std::string, std::string>> labels;
};

Result<std::string> fetch(const PrometheusRange& range, const std::string& expression,
                          double from_s, double to_s) {
  httplib::Client client(range.address);
  client.set_connection_timeout(5);
  client.set_read_timeout(60);
  const httplib::Params parameters{{"query", expression},
                                   {"start", fmt::format("{:.3f}", from_s)},
                                   {"end", fmt::format("{:.3f}", to_s)},
                                   {"step", fmt::format("{:.3f}", range.step_s)}};
  const auto answer = client.Get("/api/v1/query_range", parameters, httplib::Headers{});
  if (!answer) {
    return fail("Prometheus at " + range.address +
                " does not answer: " + httplib::to_string(answer.error()));
  }
  if (answer->status != 200) {
    return fail(fmt::format("Prometheus at {} answers {} to \"{}\": {}", range.address,
                            answer->status, expression, answer->body.substr(0, 200)));
  }
  return answer->body;
}

std::string id_of(const Entity& entity, const std::map<std::string, std::string>& labels) {
  const auto label = [&labels](const std::string& name) {
    const auto found = labels.find(name);
    return found == labels.end() ? std::string{} : found->second;
  };
  std::vector<std::string> keys;
  for (const Attribute& key : entity.keys) {
    keys.push_back(label(key.name));
  }
  return entity_id(label("machine_id"), entity.name, keys);
}

void add(Grid& grid, const Entity& entity, const PrometheusSeries& series, std::size_t column,
         std::size_t columns, double step_s) {
  const std::string id = id_of(entity, series.labels);
  grid.labels.try_emplace(id, series.labels);
  for (const auto& [time_s, value] : series.points) {
    auto& row = grid.steps[std::llround(time_s / step_s)][id];
    row.resize(columns, not_measured);
    row[column] = value;
  }
}

/// A mean becomes a histogram of one bucket with that mean.
void add_cell(Column& column, double value) {
  if (column.kind == wire::ColumnKind::number) {
    column.add(value);
    return;
  }
  Histogram cell{{0}, 0, 0};
  if (std::isfinite(value)) {
    cell = {{values_in_a_mean}, value * static_cast<double>(values_in_a_mean), value};
  }
  column.add(cell);
}

std::vector<std::uint8_t> message_of(const Entity& entity, const std::vector<Companion>& columns,
                                     const std::map<std::string, std::vector<double>>& rows,
                                     double end_s, double step_s) {
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
  for (const Companion& column : columns) {
    const bool plain = column.statistic == Statistic::value;
    const auto index = batch.add_column(
        column.metric, plain ? wire::ColumnKind::number : wire::ColumnKind::histogram,
        wire::ColumnRole::metric);
    if (!plain) {
      batch.column(index).bounds = {std::numeric_limits<double>::infinity()};
    }
  }
  for (const auto& [name, values] : rows) {
    batch.column(id).add(std::string_view(name));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      add_cell(batch.column(id + 1 + i), values[i]);
    }
  }
  const auto end_ns = static_cast<std::uint64_t>(end_s * nanoseconds_per_second);
  const auto length_ns = static_cast<std::uint64_t>(step_s * nanoseconds_per_second);
  // Boot time is taken from 1970 on: nothing but the order of windows matters to learning.
  const BatchWindow window{"", end_ns - length_ns, end_ns, 0, 0};
  return to_observations(batch, entity.name, "history", window);
}

}  // namespace

std::string promql_of(const Entity& entity, const Metric& metric, Statistic statistic,
                      double step_s) {
  const std::string name = "gala_gopher_" + entity.name + "_" + metric.name;
  // Two steps: in one there may be a single value, of which Prometheus makes no increase.
  const double range_s = std::max(std::round(2 * step_s), 2.0);
  const auto increase = [&](const std::string& series) {
    return fmt::format("increase({}[{:.0f}s])", series, range_s);
  };
  if (metric.type == MetricType::histogram) {
    return statistic == Statistic::mean
               ? increase(name + "_sum") + " / " + increase(name + "_count")
               : "";
  }
  return metric.type == MetricType::counter
             ? fmt::format("{} / {:g}", increase(name), range_s / step_s)
             : name;
}

Result<std::vector<PrometheusSeries>> parse_range_answer(const std::string& body) {
  const nlohmann::json answer = nlohmann::json::parse(body, nullptr, false);
  const auto data = answer.is_object() ? answer.find("data") : answer.end();
  if (answer.is_discarded() || !answer.is_object() || data == answer.end() || !data->is_object() ||
      !data->contains("result") || !(*data)["result"].is_array()) {
    return fail("this is no answer of /api/v1/query_range: " + body.substr(0, 100));
  }
  std::vector<PrometheusSeries> all;
  for (const nlohmann::json& one : (*data)["result"]) {
    if (!one.is_object()) {
      continue;
    }
    PrometheusSeries& series = all.emplace_back();
    // Named: items() refers to it, and a temporary would be gone before the first step (C++20).
    const nlohmann::json metric = one.value("metric", nlohmann::json::object());
    for (const auto& [name, value] : metric.items()) {
      series.labels[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    for (const nlohmann::json& point : one.value("values", nlohmann::json::array())) {
      if (point.is_array() && point.size() == 2 && point[0].is_number() && point[1].is_string()) {
        const double value = std::strtod(point[1].get_ref<const std::string&>().c_str(), nullptr);
        series.points.emplace_back(point[0].get<double>(), value);
      }
    }
  }
  return all;
}

Result<std::uint64_t> read_prometheus(
    const PrometheusRange& range, const Model& model,
    const std::function<void(const std::vector<std::uint8_t>& observations)>& take) {
  std::uint64_t values = 0;
  for (const Entity& entity : model.entities()) {
    for (const Check& check : entity.checks) {
      if (check.kind != Check::Kind::joint) {
        continue;
      }
      std::vector<Companion> columns{{check.metric, check.statistic}};
      columns.insert(columns.end(), check.with.begin(), check.with.end());
      for (double from_s = range.from_s; from_s < range.to_s; from_s += chunk_of(range.step_s)) {
        Grid grid;
        const double to_s = std::min(from_s + chunk_of(range.step_s) - range.step_s, range.to_s);
        for (std::size_t i = 0; i < columns.size(); ++i) {
          const Metric* metric = entity.find_metric(columns[i].metric);
          const std::string expression =
              metric == nullptr ? ""
                                : promql_of(entity, *metric, columns[i].statistic, range.step_s);
          if (expression.empty()) {
            continue;
          }
          const std::string body = TRY(fetch(range, expression, from_s, to_s));
          for (const PrometheusSeries& series : TRY(parse_range_answer(body))) {
            add(grid, entity, series, i, columns.size(), range.step_s);
            values += series.points.size();
          }
        }
        for (const auto& [step, rows] : grid.steps) {
          take(message_of(entity, columns, rows, static_cast<double>(step) * range.step_s,
                          range.step_s));
        }
      }
    }
  }
  return values;
}

}  // namespace gala::detect
