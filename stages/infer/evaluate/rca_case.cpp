// Reads a case's files.
#include "stages/infer/evaluate/rca_case.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "runtime/core/diagnostics.h"
#include "stages/evaluation/csv_table.h"

namespace gala::infer {
namespace {

/// Positions of the rows in order of time, each time once.
std::vector<std::size_t> order_of(const std::vector<double>& times) {
  std::vector<std::size_t> order(times.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return times[a] < times[b]; });
  order.erase(std::unique(order.begin(), order.end(),
                          [&](std::size_t a, std::size_t b) { return times[a] == times[b]; }),
              order.end());
  return order;
}

Result<void> read_metrics(const std::string& path, RcaCase& out) {
  const SeriesTable table = TRY(read_series(path));
  const std::vector<std::size_t> order = order_of(table.times);
  for (const std::size_t row : order) {
    out.times.push_back(table.times[row]);
  }
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& column = table.columns[i];
    const auto slash = column.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == column.size()) {
      return fail(path + ": column " + quote(column) + " is not \"<entity>/<metric>\"");
    }
    RcaSeries series{column.substr(0, slash), column.substr(slash + 1), {}};
    series.values.reserve(order.size());
    for (const std::size_t row : order) {
      series.values.push_back(table.values[i][row]);
    }
    out.series.push_back(std::move(series));
  }
  return {};
}

Result<void> read_topology(const std::string& path, RcaCase& out) {
  if (!csv_exists(path)) {
    return {};
  }
  const CsvTable table = TRY(read_csv(path));
  const auto from = table.find("from");
  const auto to = table.find("to");
  const auto relation = table.find("relation");
  if (from == CsvTable::npos || to == CsvTable::npos) {
    return fail(path + R"(: the header needs "from" and "to")");
  }
  for (const auto& row : table.rows) {
    if ((relation == CsvTable::npos || row[relation] == "calls") && row[from] != row[to]) {
      out.calls.emplace_back(row[from], row[to]);
    }
  }
  return {};
}

Result<void> read_alarm(const std::string& path, RcaCase& out) {
  if (!csv_exists(path)) {
    return {};
  }
  const CsvTable table = TRY(read_csv(path));
  const auto time = table.find("time");
  if (time == CsvTable::npos) {
    return fail(path + R"(: the header needs "time")");
  }
  if (table.rows.empty()) {
    return {};
  }
  const auto cell = [&](std::string_view column) {
    const auto at = table.find(column);
    return at == CsvTable::npos ? std::string{} : table.rows.front()[at];
  };
  const std::string text = cell("time");
  RcaAlarm alarm{0, cell("entity"), cell("metric")};
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, alarm.time);
  if (read.ec != std::errc{} || read.ptr != end) {
    return fail(path + ": " + quote(text) + " is no time");
  }
  out.alarm = std::move(alarm);
  return {};
}

}  // namespace

double RcaCase::period() const {
  std::vector<double> steps;
  for (std::size_t i = 1; i < times.size(); ++i) {
    steps.push_back(times[i] - times[i - 1]);
  }
  if (steps.empty()) {
    return 1;
  }
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return *middle;
}

Result<RcaCase> read_rca_case(const std::string& directory, const std::string& name) {
  RcaCase out;
  out.name = name;
  TRY(read_metrics(directory + "/metrics.csv", out));
  TRY(read_topology(directory + "/topology.csv", out));
  TRY(read_alarm(directory + "/alarm.csv", out));
  return out;
}

}  // namespace gala::infer
