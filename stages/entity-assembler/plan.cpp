// Model → plans.
#include "stages/entity-assembler/plan.h"

#include <algorithm>
#include <cstdlib>

namespace gala::entity_assembler {
namespace {

std::size_t index_in(std::vector<std::string>& columns, const std::string& column) {
  const auto found = std::ranges::find(columns, column);
  if (found != columns.end()) {
    return static_cast<std::size_t>(found - columns.begin());
  }
  columns.push_back(column);
  return columns.size() - 1;
}

AttributePlan plan_attribute(const Table& table, const Attribute& attribute) {
  AttributePlan plan{attribute.name, attribute.name, {}, {}};
  if (const auto renamed = table.rename.find(attribute.name); renamed != table.rename.end()) {
    plan.column = renamed->second;
  }
  if (is_constant_column(plan.column)) {
    plan.constant = plan.column.substr(1);
  } else {
    plan.word = parse_word(plan.column);
    plan.client_port = plan.column == "client_port";
  }
  return plan;
}

MetricPlan plan_metric(const Metric& metric, TablePlan& table) {
  MetricPlan plan;
  plan.metric = &metric;
  if (is_constant_column(metric.field)) {
    plan.source = MetricPlan::Source::constant;
    plan.constant = std::strtod(metric.field.c_str() + 1, nullptr);
    plan.divisor = metric.per == "second" ? Divisor::seconds : Divisor::none;
    return plan;
  }
  if (metric.type == MetricType::histogram) {
    plan.source = MetricPlan::Source::histogram;
    plan.input = index_in(table.histograms, metric.field);
    return plan;
  }
  if (metric.type == MetricType::gauge && metric.per.empty()) {
    plan.input = index_in(table.gauges, metric.field);
    if (!metric.until.empty()) {
      plan.room_input = index_in(table.gauges, metric.until);
    }
    return plan;
  }
  plan.source = MetricPlan::Source::counter;
  plan.input = index_in(table.counters, metric.field);
  if (metric.per == "second") {
    plan.divisor = Divisor::seconds;
  } else if (!metric.per.empty()) {
    plan.divisor = Divisor::column;
    plan.divisor_input = index_in(table.counters, metric.per);
  }
  return plan;
}

TablePlan plan_table(const Entity& entity, const Table& table) {
  TablePlan plan;
  plan.entity = &entity;
  plan.table = &table;
  plan.keys = entity.keys.size();
  for (const auto* attributes : {&entity.keys, &entity.labels}) {
    for (const Attribute& attribute : *attributes) {
      plan.attributes.push_back(plan_attribute(table, attribute));
      if (const auto& word = plan.attributes.back().word) {
        plan.topics = plan.topics | topic_of(*word);
      }
    }
  }
  plan.of_process =
      std::ranges::any_of(entity.keys, [](const Attribute& key) { return key.name == "tgid"; });
  for (const Metric& metric : entity.metrics) {
    if (metric.table == table.name) {
      plan.metrics.push_back(plan_metric(metric, plan));
    }
  }
  return plan;
}

}  // namespace

Plans make_plans(const Model& model) {
  Plans plans;
  for (const Entity& entity : model.entities()) {
    for (const Table& table : entity.tables) {
      plans[table.from].push_back(plan_table(entity, table));
    }
  }
  return plans;
}

}  // namespace gala::entity_assembler
