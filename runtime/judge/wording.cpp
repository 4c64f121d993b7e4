// Fills the words of an event.
#include "runtime/judge/wording.h"

#include <optional>

#include "runtime/model/fill.h"
#include "runtime/text/quantity.h"

namespace gala {
namespace {

constexpr std::string_view per_hour = ".per_hour";
constexpr double seconds_per_hour = 3600;

std::optional<std::string> other_metric(std::string_view name, const WordingFacts& facts) {
  if (facts.table == nullptr) {
    return std::nullopt;
  }
  const bool by_hour = name.ends_with(per_hour);
  const ColumnView column =
      facts.table->find(by_hour ? name.substr(0, name.size() - per_hour.size()) : name);
  if (!column.valid() ||
      (column.kind() != wire::ColumnKind::number && column.kind() != wire::ColumnKind::integer)) {
    return std::nullopt;
  }
  const double value = column.number(facts.row);
  const std::string_view unit = column.unit();
  if (by_hour && unit.ends_with("/s")) {
    return quantity(value * seconds_per_hour, unit.substr(0, unit.size() - 2)) + "/h";
  }
  return quantity(value, unit);
}

}  // namespace

std::string word(std::string_view pattern, const WordingFacts& facts) {
  const std::string_view unit =
      facts.check.statistic == Statistic::count ? std::string_view("1") : facts.metric.unit;
  return fill(pattern, [&](std::string_view name) -> std::optional<std::string> {
    const wire::EventT& event = facts.event;
    if (name == "value") return quantity(facts.value, unit);
    if (name == "limit") return quantity(facts.judgement.limit, unit);
    if (name == "expected") return quantity(facts.judgement.expected, unit);
    if (name == "change") return quantity(facts.value / facts.judgement.expected, "1");
    if (name == "unit") return std::string(unit);
    if (name == "metric") return event.metric;
    if (name == "statistic") return event.statistic;
    if (name == "entity") return event.entity;
    if (name == "entity_id") return event.entity_id;
    if (name == "machine_id") return event.machine_id;
    for (const auto& label : event.labels) {
      if (label != nullptr && label->name == name) {
        return label->value.empty() ? "?" : label->value;
      }
    }
    return other_metric(name, facts);
  });
}

}  // namespace gala
