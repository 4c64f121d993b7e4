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

struct Chunk {
  double from_s = 0;
  double to_s = 0;
};

/// One after the other, without a step that two of them have.
std::vector<Chunk> chunks_of(const PrometheusRange& range) {
  const double length_s = chunk_of(range.step_s);
  const double count = std::ceil(std::max(range.to_s - range.from_s, 0.0) / length_s);
  std::vector<Chunk> chunks(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const double from_s = range.from_s + static_cast<double>(i) * length_s;
    chunks[i] = {from_s, std::min(from_s + length_s - range.step_s, range.to_s)};
  }
  return chunks;
}

Result<std::string> fetch(const PrometheusRange& range, const std::string& expression,
                          const Chunk& chunk) {
  httplib::Client client(range.address);
  client.set_connection_timeout(5);
  client.set_read_timeout(60);
  const httplib::Params parameters{{"query", expression},
                                   {"start", fmt::format("{:.3f}", chunk.from_s)},
                                   {"end", fmt::format("{:.3f}", chunk.to_s)},
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
  keys.reserve(entity.keys.size());
  for (const Attribute& key : entity.keys) {
    keys.push_back(label(key.name));
  }
  return entity_id(label("machine_id"), entity.name, keys);
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

/// The columns of one joint check, side by side by entity and time.
class History {
 public:
  using Take = std::function<void(const std::vector<std::uint8_t>& observations)>;

  History(const Entity& entity, const Check& check, double step_s)
      : entity_(entity), columns_{{check.metric, check.statistic}}, step_s_(step_s) {
    columns_.insert(columns_.end(), check.with.begin(), check.with.end());
  }

  /// Adds what Prometheus has of a chunk. Returns the number of values.
  Result<std::uint64_t> read(const PrometheusRange& range, const Chunk& chunk) {
    std::uint64_t values = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Metric* metric = entity_.find_metric(columns_[i].metric);
      const std::string expression =
          metric == nullptr ? "" : promql_of(entity_, *metric, columns_[i].statistic, step_s_);
      if (expression.empty()) {
        continue;
      }
      const std::string body = TRY(fetch(range, expression, chunk));
      for (const PrometheusSeries& series : TRY(parse_range_answer(body))) {
        add(series, i);
        values += series.points.size();
      }
    }
    return values;
  }

  /// Hands over one message for each step, oldest first, and forgets them.
  void give(const Take& take) {
    for (const auto& [step, rows] : steps_) {
      take(message_of(rows, static_cast<double>(step) * step_s_));
    }
    steps_.clear();
  }

 private:
  /// Entity → one value a column, NaN where there is none.
  using Rows = std::map<std::string, std::vector<double>>;

  void add(const PrometheusSeries& series, std::size_t column) {
    const std::string id = id_of(entity_, series.labels);
    for (const auto& [time_s, value] : series.points) {
      auto& row = steps_[std::llround(time_s / step_s_)][id];
      row.resize(columns_.size(), not_measured);
      row[column] = value;
    }
  }

  [[nodiscard]] std::vector<std::uint8_t> message_of(const Rows& rows, double end_s) const {
    Batch batch;
    const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
    for (const Companion& column : columns_) {
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
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        add_cell(batch.column(id + 1 + i), values[i]);
      }
    }
    const auto end_ns = static_cast<std::uint64_t>(end_s * nanoseconds_per_second);
    const auto length_ns = static_cast<std::uint64_t>(step_s_ * nanoseconds_per_second);
    // Boot time is taken from 1970 on: nothing but the order of windows matters to learning.
    const BatchWindow window{"", end_ns - length_ns, end_ns, 0, 0};
    return to_observations(batch, entity_.name, "history", window);
  }

  const Entity& entity_;
  std::vector<Companion> columns_;
  double step_s_;
  /// By the number of the step since 1970.
  std::map<std::int64_t, Rows> steps_;
};

/// All chunks of one check, oldest first. Returns the number of values.
Result<std::uint64_t> read_all(History history, const PrometheusRange& range,
                               const History::Take& take) {
  std::uint64_t values = 0;
  for (const Chunk& chunk : chunks_of(range)) {
    values += TRY(history.read(range, chunk));
    history.give(take);
  }
  return values;
}

/// All joint checks of an entity.
Result<std::uint64_t> read_entity(const Entity& entity, const PrometheusRange& range,
                                  const History::Take& take) {
  std::uint64_t values = 0;
  for (const Check& check : entity.checks) {
    if (check.kind != Check::Kind::joint) {
      continue;
    }
    values += TRY(read_all(History(entity, check, range.step_s), range, take));
  }
  return values;
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
    values += TRY(read_entity(entity, range, take));
  }
  return values;
}

}  // namespace gala::detect
