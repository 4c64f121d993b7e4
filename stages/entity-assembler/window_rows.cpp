// Combining rows and writing them as columns.
#include "stages/entity-assembler/window_rows.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace gala::entity_assembler {
namespace {

/// Fills a text column whose words come with their hashes.
class TextWriter {
 public:
  explicit TextWriter(Column& column) : column_(column) {}

  void add(const HashedText& word) {
    if (word.hash == last_hash_ && !column_.codes.empty() &&
        column_.dictionary[column_.codes.back()] == word.text) {
      column_.codes.push_back(column_.codes.back());
      return;
    }
    last_hash_ = word.hash;
    const auto [found, added] =
        codes_.try_emplace(word.hash, static_cast<std::uint32_t>(column_.dictionary.size()));
    if (added) {
      column_.dictionary.push_back(word.text);
    } else if (column_.dictionary[found->second] != word.text) {
      // Two words with one hash: the second gets an entry for each use.
      column_.codes.push_back(static_cast<std::uint32_t>(column_.dictionary.size()));
      column_.dictionary.push_back(word.text);
      return;
    }
    column_.codes.push_back(found->second);
  }

 private:
  Column& column_;
  std::uint64_t last_hash_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> codes_;
};

double combine(Combine how, double before, double value) {
  switch (how) {
    case Combine::max:
      return std::max(before, value);
    case Combine::min:
      return std::min(before, value);
    case Combine::last:
      return value;
    case Combine::sum:
    case Combine::mean:
      break;
  }
  return before + value;
}

/// Sums are divided at the end (a ratio of sums), everything else row by row.
bool divides_at_end(const MetricPlan& plan) {
  return plan.metric->combine == Combine::mean ||
         (plan.metric->combine == Combine::sum && plan.divisor == Divisor::column);
}

}  // namespace

WindowRows::WindowRows(const TablePlan& plan) : plan_(plan), metrics_(plan.metrics.size()) {}

std::uint32_t WindowRows::row_of(EntityHandle entity) {
  if (entity.slot >= marks_.size()) {
    marks_.resize(entity.slot + std::size_t{1});
  }
  Mark& mark = marks_[entity.slot];
  if (mark.window == window_ && entities_[mark.row].generation == entity.generation) {
    return mark.row;
  }
  mark = {window_, static_cast<std::uint32_t>(entities_.size())};
  entities_.push_back(entity);
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    Values& metric = metrics_[i];
    if (plan_.metrics[i].source == MetricPlan::Source::histogram) {
      metric.counts.resize(metric.counts.size() + metric.bounds.size());
      metric.sums.push_back(0);
      metric.maxima.push_back(0);
    } else {
      metric.values.push_back(not_measured);
      metric.weights.push_back(0);
      metric.rooms.push_back(not_measured);
    }
  }
  return mark.row;
}

void WindowRows::add(std::size_t metric, std::uint32_t row, double value, double divisor) {
  const MetricPlan& plan = plan_.metrics[metric];
  Values& into = metrics_[metric];
  const bool mean = plan.metric->combine == Combine::mean;
  if (divisor != 1 && (mean || !divides_at_end(plan))) {
    value = divisor > 0 ? value / divisor : not_measured;
  }
  if (std::isnan(value) || std::isnan(divisor)) {
    return;
  }
  into.weights[row] += mean ? 1 : divisor;
  double& total = into.values[row];
  total = std::isnan(total) ? value : combine(plan.metric->combine, total, value);
}

void WindowRows::add_room(std::size_t metric, std::uint32_t row, double room) {
  if (std::isnan(room)) {
    return;
  }
  double& total = metrics_[metric].rooms[row];
  total = std::isnan(total) ? room : combine(plan_.metrics[metric].metric->combine, total, room);
}

void WindowRows::follow_trend(std::size_t metric, const Kept& kept, std::uint64_t end_ns) {
  const Metric& meaning = *plan_.metrics[metric].metric;
  Values& values = metrics_[metric];
  for (const std::uint32_t row : kept) {
    const EntityHandle entity = entities_[row];
    if (entity.slot >= values.trends.size()) {
      values.trends.resize(entity.slot + std::size_t{1});
    }
    EntityTrend& followed = values.trends[entity.slot];
    if (followed.generation != entity.generation) {
      followed = {entity.generation, {}};
    }
    double& value = values.values[row];
    if (std::isfinite(value)) {
      followed.trend.add(static_cast<double>(end_ns) * 1e-9, value,
                         std::chrono::duration<double>(meaning.trend).count());
    }
    const std::optional<Slope> slope = followed.trend.slope();
    if (!slope) {
      value = not_measured;
    } else if (meaning.until.empty()) {
      value = slope->per_second;
    } else {
      value = seconds_until_used_up(*slope, values.rooms[row], growth_horizon_s);
    }
  }
}

void WindowRows::set_bounds(std::size_t metric, std::span<const double> bounds) {
  Values& into = metrics_[metric];
  if (entities_.empty()) {
    into.bounds.assign(bounds.begin(), bounds.end());
  }
}

void WindowRows::add(std::size_t metric, std::uint32_t row, const Gain& gain) {
  Values& into = metrics_[metric];
  const std::size_t width = into.bounds.size();
  if (gain.counts.size() != width) {
    return;
  }
  for (std::size_t i = 0; i < width; ++i) {
    into.counts[row * width + i] += gain.counts[i];
  }
  into.sums[row] += gain.sum;
  into.maxima[row] = std::max(into.maxima[row], gain.maximum);
}

std::vector<std::uint8_t> WindowRows::finish(Registry& registry, const BatchWindow& window) {
  Kept kept;
  for (std::uint32_t row = 0; row < entities_.size(); ++row) {
    if (registry.alive(entities_[row])) {
      kept.push_back(row);
    }
  }
  Batch batch;
  write_text(batch, registry, kept);
  for (std::size_t metric = 0; metric < metrics_.size(); ++metric) {
    if (plan_.metrics[metric].metric->trend > Duration{0}) {
      follow_trend(metric, kept, window.end_ns);
    }
    write_metric(batch, metric, kept);
  }
  auto message = to_observations(batch, plan_.entity->name, plan_.table->name, window);
  ++window_;
  entities_.clear();
  for (Values& metric : metrics_) {
    metric.values.clear();
    metric.weights.clear();
    metric.rooms.clear();
    metric.counts.clear();
    metric.sums.clear();
    metric.maxima.clear();
  }
  return message;
}

void WindowRows::write_text(Batch& batch, Registry& registry, const Kept& kept) const {
  Column& ids =
      batch.column(batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key));
  ids.codes.reserve(kept.size());
  ids.dictionary.reserve(kept.size());
  for (const std::uint32_t row : kept) {
    ids.codes.push_back(static_cast<std::uint32_t>(ids.dictionary.size()));
    ids.dictionary.push_back(registry.at(entities_[row]).id);
  }
  for (std::size_t i = 0; i < plan_.attributes.size(); ++i) {
    const auto role = i < plan_.keys ? wire::ColumnRole::key : wire::ColumnRole::label;
    Column& column =
        batch.column(batch.add_column(plan_.attributes[i].name, wire::ColumnKind::text, role));
    column.codes.reserve(kept.size());
    TextWriter writer(column);
    for (const std::uint32_t row : kept) {
      writer.add(registry.at(entities_[row]).attributes[i]);
    }
  }
}

void WindowRows::write_metric(Batch& batch, std::size_t metric, const Kept& kept) const {
  const MetricPlan& plan = plan_.metrics[metric];
  const Values& from = metrics_[metric];
  const bool histogram = plan.source == MetricPlan::Source::histogram;
  if (histogram && from.bounds.empty()) {
    return;  // The source does not have this column today.
  }
  Column& column = batch.column(batch.add_column(
      plan.metric->name, histogram ? wire::ColumnKind::histogram : wire::ColumnKind::number,
      wire::ColumnRole::metric));
  column.unit = plan.metric->unit;
  column.behaviour =
      plan.metric->type == MetricType::counter ? wire::Behaviour::counter : wire::Behaviour::gauge;
  const double scale = plan.metric->scale;
  if (!histogram) {
    column.numbers.reserve(kept.size());
    for (const std::uint32_t row : kept) {
      const double value = from.values[row];
      const double weight = divides_at_end(plan) ? from.weights[row] : 1;
      column.numbers.push_back(weight > 0 ? value / weight * scale : not_measured);
    }
    return;
  }
  const std::size_t width = from.bounds.size();
  for (const double bound : from.bounds) {
    column.bounds.push_back(bound * scale);
  }
  for (const std::uint32_t row : kept) {
    const auto counts = std::span(from.counts).subspan(row * width, width);
    column.counts.insert(column.counts.end(), counts.begin(), counts.end());
    column.sums.push_back(from.sums[row] * scale);
    column.maxima.push_back(from.maxima[row] * scale);
  }
}

}  // namespace gala::entity_assembler
