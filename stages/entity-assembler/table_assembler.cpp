// The loop over rows. What can be prepared once per message is in Bound; a row costs hashes and
// arithmetic.
#include "stages/entity-assembler/table_assembler.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "stages/entity-assembler/counters.h"

namespace gala::entity_assembler {
namespace {

/// /proc tells start times in ticks of 10 ms, rounded down.
constexpr std::uint64_t start_rounding_ns = 10'000'000;

/// Rows pass when a column has (has not) one of some values; compared by the hashes that cells
/// have.
class RowFilter {
 public:
  RowFilter(const Cells& cells, const std::vector<std::string>& values, bool wanted)
      : cells_(&cells), wanted_(wanted) {
    for (const std::string& value : values) {
      hashes_.push_back(cells.hash_of(value));
    }
  }

  [[nodiscard]] bool passes(std::size_t row) const {
    const bool listed =
        cells_->present() && std::ranges::find(hashes_, cells_->hash(row)) != hashes_.end();
    return listed == wanted_;
  }

 private:
  const Cells* cells_;
  std::vector<std::uint64_t> hashes_;
  bool wanted_;
};

}  // namespace

/// The columns of one message, as the plan wants them.
struct TableAssembler::Bound {
  Bound(const TablePlan& table_plan, std::string_view begin_column, const MessageCells& cells,
        const Deriver& row_deriver)
      : plan(table_plan), deriver(row_deriver) {
    for (const AttributePlan& attribute : plan.attributes) {
      attributes.push_back(&cells.find(attribute.constant ? "" : attribute.column));
      needs_facts |= attribute.word.has_value();
    }
    for (const std::string& column : plan.table->instance) {
      identity.push_back(&cells.find(column));
    }
    if (plan.table->instance.empty()) {
      identity.assign(attributes.begin(),
                      attributes.begin() + static_cast<std::ptrdiff_t>(plan.keys));
    }
    find_all(cells, plan.gauges, gauges);
    find_all(cells, plan.counters, counters);
    find_all(cells, plan.histograms, histograms);
    for (const auto& [column, values] : plan.table->where) {
      filters.emplace_back(cells.find(column), values, true);
    }
    for (const auto& [column, values] : plan.table->where_not) {
      filters.emplace_back(cells.find(column), values, false);
    }
    began = &cells.find(begin_column);
  }

  static void find_all(const MessageCells& cells, const std::vector<std::string>& columns,
                       std::vector<const Cells*>& found) {
    for (const std::string& column : columns) {
      found.push_back(&cells.find(column));
    }
  }

  [[nodiscard]] bool passes(std::size_t row) const {
    return std::ranges::all_of(filters, [row](const RowFilter& one) { return one.passes(row); });
  }

  [[nodiscard]] std::uint64_t identity_hash(std::size_t row) const {
    std::uint64_t hash = 1;
    for (const Cells* cells : identity) {
      hash = extend(hash, cells->hash(row));
    }
    return plan.table->instance.empty() && needs_facts
               ? extend(hash, deriver.inputs_hash(plan.topics, row))
               : hash;
  }

  /// Equal as long as the row's keys and labels are.
  [[nodiscard]] std::uint64_t attributes_hash(std::size_t row) const {
    std::uint64_t hash = 1;
    for (const Cells* cells : attributes) {
      hash = extend(hash, cells->hash(row));
    }
    return needs_facts ? extend(extend(hash, deriver.inputs_hash(plan.topics, row)),
                                deriver.facts_version(plan.topics, row))
                       : hash;
  }

  [[nodiscard]] std::string attribute(std::size_t index, std::size_t row) const {
    const AttributePlan& from = plan.attributes[index];
    if (from.constant) {
      return *from.constant;
    }
    if (from.client_port && !deriver.keeps_client_ports()) {
      return "0";
    }
    std::string text = attributes[index]->text(row);
    return text.empty() && from.word ? deriver.derive(*from.word, row) : text;
  }

  const TablePlan& plan;
  const Deriver& deriver;
  std::vector<const Cells*> attributes;
  std::vector<const Cells*> identity;
  std::vector<const Cells*> gauges;
  std::vector<const Cells*> counters;
  std::vector<const Cells*> histograms;
  std::vector<RowFilter> filters;
  const Cells* began = nullptr;
  bool needs_facts = false;
};

double RowWindow::seconds_since(std::uint64_t read_ns) const {
  const std::uint64_t from_ns = read_ns != 0           ? read_ns
                                : previous_end_ns != 0 ? previous_end_ns
                                                       : start_ns;
  return end_ns > from_ns ? static_cast<double>(end_ns - from_ns) * 1e-9 : 0;
}

TableAssembler::TableAssembler(const TablePlan& plan, std::string_view begin_column,
                               std::size_t most_instances)
    : plan_(plan),
      begin_column_(begin_column),
      instances_(most_instances, plan.counters.size()),
      rows_(plan),
      differences_(plan.counters.size()),
      gained_(plan.histograms.size()),
      gains_(plan.histograms.size()) {}

void TableAssembler::add(const MessageCells& cells, const Deriver& deriver, const RowWindow& window,
                         Registry& registry, RowCounts& counts) {
  const Bound bound(plan_, begin_column_, cells, deriver);
  std::vector<std::size_t> buckets;
  for (const Cells* histogram : bound.histograms) {
    buckets.push_back(histogram->is_histogram() ? histogram->histogram().bounds().size() : 0);
  }
  instances_.set_buckets(buckets);
  for (std::size_t metric = 0; metric < plan_.metrics.size(); ++metric) {
    const MetricPlan& plan = plan_.metrics[metric];
    if (plan.source == MetricPlan::Source::histogram && buckets[plan.input] > 0) {
      rows_.set_bounds(metric, bound.histograms[plan.input]->histogram().bounds());
    }
  }
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    ++counts.rows;
    if (bound.passes(row)) {
      add_row(bound, row, window, registry, counts);
    } else {
      ++counts.filtered;
    }
  }
}

void TableAssembler::add_row(const Bound& bound, std::size_t row, const RowWindow& window,
                             Registry& registry, RowCounts& counts) {
  const Process* process = plan_.of_process ? bound.deriver.process(row) : nullptr;
  if (process != nullptr && process->ended_ns != 0 && process->ended_ns <= window.start_ns) {
    ++counts.after_end;
    return;
  }
  const auto index = instances_.find_or_add(bound.identity_hash(row));
  if (!index) {
    ++counts.no_room_for_instance;
    return;
  }
  Instance& instance = instances_.at(*index);
  const bool gone = instance.read_ns != 0 && instance.entity.slot != EntityHandle::none &&
                    !registry.alive(instance.entity);
  const bool again = window.absent_rows_begin_again && instance.read_ns != 0 &&
                     instance.read_ns < window.previous_end_ns;
  if (instance.read_ns == 0 || gone || again) {
    const bool began_now = bound.began->is_number() && bound.began->integer(row) != 0 &&
                           bound.began->integer(row) + start_rounding_ns >= window.start_ns;
    instances_.clear(*index, began_now || again || window.new_rows_from_zero);
    instance.read_ns = 0;
  }
  if (!find_entity(bound, row, window, instance, registry, counts)) {
    instance.read_ns = window.end_ns;
    return;
  }
  registry.touch(instance.entity, window.end_ns);
  const double seconds = window.seconds_since(instance.read_ns);
  add_values(bound, row, *index, rows_.row_of(instance.entity), seconds, counts);
  instance.read_ns = window.end_ns;
}

bool TableAssembler::find_entity(const Bound& bound, std::size_t row, const RowWindow& window,
                                 Instance& instance, Registry& registry, RowCounts& counts) const {
  const std::uint64_t attributes_hash = bound.attributes_hash(row);
  if (instance.attributes_hash == attributes_hash) {
    if (registry.alive(instance.entity)) {
      return true;
    }
    if (instance.entity.slot == EntityHandle::none) {
      ++counts.no_key;
      return false;
    }
  }
  instance.entity = {};
  instance.attributes_hash = 0;
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < plan_.keys; ++i) {
    keys.push_back(bound.attribute(i, row));
    if (keys.back().empty()) {
      instance.attributes_hash = attributes_hash;
      ++counts.no_key;
      return false;
    }
  }
  std::string id = entity_id(bound.deriver.derive(Word::machine_id, row), plan_.entity->name, keys);
  const auto entity = registry.find_or_add(
      *plan_.entity, std::move(id), plan_.of_process ? bound.deriver.tgid(row) : 0, window.end_ns);
  if (!entity) {
    ++counts.no_room_for_entity;
    return false;
  }
  EntityState& state = registry.at(*entity);
  for (std::size_t i = 0; i < plan_.attributes.size(); ++i) {
    std::string text = i < plan_.keys ? std::move(keys[i]) : bound.attribute(i, row);
    if (!text.empty() && text != state.attributes[i].text) {
      const std::uint64_t hash = std::hash<std::string>{}(text);
      state.attributes[i] = {std::move(text), hash};
    }
  }
  instance.entity = *entity;
  instance.attributes_hash = attributes_hash;
  return true;
}

void TableAssembler::add_values(const Bound& bound, std::size_t row, std::uint32_t instance,
                                std::uint32_t into, double seconds, RowCounts& counts) {
  const auto readings = instances_.counters(instance);
  bool reset = false;
  for (std::size_t i = 0; i < differences_.size(); ++i) {
    const double now = bound.counters[i]->number(row);
    const Difference change = difference(readings[i], now);
    differences_[i] = change.value;
    readings[i] = now;
    reset |= change.kind == Difference::Kind::reset;
    counts.counters_wrapped += change.kind == Difference::Kind::wrapped ? 1 : 0;
  }
  counts.counters_reset += reset ? 1 : 0;
  for (std::size_t i = 0; i < gains_.size(); ++i) {
    add_histogram(bound, row, instance, i, counts);
  }
  for (std::size_t metric = 0; metric < plan_.metrics.size(); ++metric) {
    const MetricPlan& plan = plan_.metrics[metric];
    const double divisor = plan.divisor == Divisor::none      ? 1
                           : plan.divisor == Divisor::seconds ? seconds
                                                              : differences_[plan.divisor_input];
    switch (plan.source) {
      case MetricPlan::Source::gauge:
        rows_.add(metric, into, bound.gauges[plan.input]->number(row), 1);
        if (plan.room_input) {
          rows_.add_room(metric, into, bound.gauges[*plan.room_input]->number(row));
        }
        break;
      case MetricPlan::Source::constant:
        rows_.add(metric, into, plan.constant, divisor);
        break;
      case MetricPlan::Source::counter:
        rows_.add(metric, into, differences_[plan.input], divisor);
        break;
      case MetricPlan::Source::histogram:
        rows_.add(metric, into, gains_[plan.input]);
        break;
    }
  }
}

void TableAssembler::add_histogram(const Bound& bound, std::size_t row, std::uint32_t instance,
                                   std::size_t histogram, RowCounts& counts) {
  gains_[histogram] = {};
  if (!bound.histograms[histogram]->is_histogram()) {
    return;
  }
  const ColumnView& column = bound.histograms[histogram]->histogram();
  const auto now = column.counts(row);
  const auto before = instances_.buckets(instance, histogram);
  double& sum_before = instances_.sum(instance, histogram);
  const double sum = column.sum(row);
  std::vector<std::uint64_t>& gained = gained_[histogram];
  gained.resize(now.size());
  bool reset = false;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const BucketDifference change = bucket_difference(before[i], now[i]);
    gained[i] = change.value;
    reset |= change.reset;
  }
  const bool known = std::isfinite(sum_before) && !reset;
  std::ranges::copy(now, before.begin());
  const double gained_sum = std::max(0.0, sum - sum_before);
  sum_before = sum;
  counts.counters_reset += reset ? 1 : 0;
  if (known) {
    gains_[histogram] = {gained, gained_sum,
                         window_maximum(gained, column.bounds(), column.maximum(row))};
  }
}

std::optional<std::vector<std::uint8_t>> TableAssembler::finish(Registry& registry,
                                                                const BatchWindow& window) {
  if (rows_.empty()) {
    return std::nullopt;
  }
  return rows_.finish(registry, window);
}

}  // namespace gala::entity_assembler
