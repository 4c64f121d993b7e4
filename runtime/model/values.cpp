// Whether the numbers of a check fit each other and its metric; the vocabulary of units.
#include <algorithm>

#include "runtime/model/parse.h"
#include "runtime/model/unit.h"

namespace gala {
namespace {

void check_limit(const Check& check, const Place& place, Diagnostics& diagnostics) {
  if (!check.above && !check.below) {
    diagnostics.error(place, "check " + quote(check.id) + " has no limit; add above or below");
    return;
  }
  if (!check.clear) {
    return;
  }
  const bool above_fits = !check.above || *check.clear <= *check.above;
  const bool below_fits = !check.below || *check.clear >= *check.below;
  if (!above_fits || !below_fits) {
    diagnostics.error(place,
                      "clear of check " + quote(check.id) +
                          " must lie on the good side of its limit, or the event would close "
                          "while it is still abnormal");
  }
}

void check_deviation(const Check& check, const Place& place, Diagnostics& diagnostics) {
  if (check.baseline == Duration{0}) {
    diagnostics.error(place,
                      "check " + quote(check.id) +
                          " is a deviation and needs a baseline, such as baseline = \"120s\"");
  }
  if (check.factor == 0) {
    diagnostics.error(place, "check " + quote(check.id) +
                                 " is a deviation and needs a factor, such as factor = 4");
  }
  if (check.warmup > check.baseline) {
    diagnostics.error(place, "the warmup of check " + quote(check.id) + " (" +
                                 format_duration(check.warmup) + ") is longer than its baseline (" +
                                 format_duration(check.baseline) + "); it would never judge");
  }
}

void check_companions(const Entity& entity, const Check& check, const Metric& metric,
                      const Place& place, Diagnostics& diagnostics) {
  if (!check.with.empty() && check.kind != Check::Kind::joint) {
    diagnostics.error(place, "check " + quote(check.id) +
                                 " judges other metrics too; that needs kind = \"joint\"");
  }
  for (const Companion& companion : check.with) {
    const Metric* other = entity.find_metric(companion.metric);
    if (other == nullptr) {
      std::vector<std::string> names;
      std::ranges::transform(entity.metrics, std::back_inserter(names), &Metric::name);
      diagnostics.error(place, "check " + quote(check.id) + " looks at " + quote(companion.metric) +
                                   ", which is no metric of " + quote(entity.name) +
                                   did_you_mean(companion.metric, names));
      continue;
    }
    check_statistic(*other, companion.statistic, place, diagnostics);
    if (other->table != metric.table) {
      diagnostics.error(place, "check " + quote(check.id) + " looks at " + quote(other->name) +
                                   ", which is in another table than " + quote(metric.name) +
                                   " and comes in another message");
    }
  }
}

void check_count(const Entity& entity, const Check& check, const Metric& metric, const Place& place,
                 Diagnostics& diagnostics) {
  if (check.count_metric.empty()) {
    if (check.least_count > 0 && metric.type != MetricType::histogram) {
      diagnostics.error(place, "least_count of check " + quote(check.id) +
                                   " needs count_metric, because " + quote(metric.name) +
                                   " is no histogram and has no count of its own");
    }
    return;
  }
  if (entity.find_metric(check.count_metric) == nullptr) {
    std::vector<std::string> names;
    std::ranges::transform(entity.metrics, std::back_inserter(names), &Metric::name);
    diagnostics.error(place, "count_metric " + quote(check.count_metric) + " is no metric of " +
                                 quote(entity.name) + did_you_mean(check.count_metric, names));
  }
}

}  // namespace

std::span<const std::string_view> known_units() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    std::ranges::transform(units(), std::back_inserter(all), &Unit::name);
    return all;
  }();
  return names;
}

void check_statistic(const Metric& metric, Statistic statistic, const Place& place,
                     Diagnostics& diagnostics) {
  if (metric.type == MetricType::histogram && statistic == Statistic::value) {
    diagnostics.error(place, quote(metric.name) +
                                 " is a histogram and has no single value; add a statistic, such "
                                 "as statistic = \"p95\"");
  }
  if (metric.type != MetricType::histogram && statistic != Statistic::value) {
    diagnostics.error(place, "statistic " + quote(to_string(statistic)) +
                                 " needs a histogram, but " + quote(metric.name) +
                                 " is a plain number; remove it");
  }
}

void check_values(const Entity& entity, const Check& check, const Place& place,
                  Diagnostics& diagnostics) {
  if (check.above && check.below && *check.below > *check.above) {
    diagnostics.error(place, "check " + quote(check.id) +
                                 ": below must not exceed above, or every value is abnormal");
  }
  if (check.kind == Check::Kind::limit) {
    check_limit(check, place, diagnostics);
  } else {
    check_deviation(check, place, diagnostics);
  }
  if (!check.among.empty() && check.kind != Check::Kind::peers) {
    diagnostics.error(
        place, "check " + quote(check.id) + " compares with others; that needs kind = \"peers\"");
  }
  if (check.metric.empty()) {
    return;  // reported by the parser
  }
  const Metric* metric = entity.find_metric(check.metric);
  if (metric == nullptr) {
    std::vector<std::string> names;
    std::ranges::transform(entity.metrics, std::back_inserter(names), &Metric::name);
    diagnostics.error(place, "check " + quote(check.id) + " judges " + quote(check.metric) +
                                 ", which is no metric of " + quote(entity.name) +
                                 did_you_mean(check.metric, names));
    return;
  }
  check_statistic(*metric, check.statistic, place, diagnostics);
  check_companions(entity, check, *metric, place, diagnostics);
  check_count(entity, check, *metric, place, diagnostics);
}

}  // namespace gala
