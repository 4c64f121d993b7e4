// Reads a range of time from Prometheus as observations.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/result.h"
#include "runtime/model/model.h"

namespace gala::detect {

/// What to read: an address such as http://localhost:9090, and Unix seconds.
struct PrometheusRange {
  std::string address;
  double from_s = 0;
  double to_s = 0;
  double step_s = 5;
};

/// The PromQL expression of one column: the series itself for a gauge, its increase in a step for a
/// counter, the mean out of _sum and _count for the mean of a histogram; "" for what Prometheus
/// does not have.
std::string promql_of(const Entity& entity, const Metric& metric, Statistic statistic,
                      double step_s);

/// Reads the columns of each joint check, lays them side by side by entity and time, and hands over
/// one Observations message for each (check, step), oldest first. Asks for at most six hours and
/// 10,000 values at a time, and for one value at least. Returns how many values came.
Result<std::uint64_t> read_prometheus(
    const PrometheusRange& range, const Model& model,
    const std::function<void(const std::vector<std::uint8_t>& observations)>& take);

/// The body of an answer of /api/v1/query_range, as series with their labels.
struct PrometheusSeries {
  std::map<std::string, std::string> labels;
  std::vector<std::pair<double, double>> points;
};
Result<std::vector<PrometheusSeries>> parse_range_answer(const std::string& body);

}  // namespace gala::detect
