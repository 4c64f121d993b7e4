// The values that one check judges, read from the columns of one message.
#include "runtime/judge/sample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace gala {
namespace {

bool is_histogram(const ColumnView& column) { return column.kind() == wire::ColumnKind::histogram; }

bool is_number(const ColumnView& column) {
  return column.kind() == wire::ColumnKind::integer || column.kind() == wire::ColumnKind::number;
}

bool is_time(std::string_view unit) {
  constexpr std::array<std::string_view, 4> units{"s", "ms", "us", "ns"};
  return std::find(units.begin(), units.end(), unit) != units.end();
}

double finite_or_nothing(double value) { return std::isfinite(value) ? value : not_measured; }

double share_of(Statistic statistic) {
  switch (statistic) {
    case Statistic::p50:
      return 0.50;
    case Statistic::p90:
      return 0.90;
    case Statistic::p95:
      return 0.95;
    default:
      return 0.99;
  }
}

double total_of(const ColumnView& histogram, std::size_t row) {
  const auto counts = histogram.counts(row);
  return static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
}

/// Requires: kind histogram, and at least one value.
double statistic_of(const ColumnView& histogram, std::size_t row, Statistic statistic,
                    double total) {
  switch (statistic) {
    case Statistic::mean:
      return histogram.sum(row) / total;
    case Statistic::max:
      return histogram.maximum(row);
    default:
      return quantile(histogram.counts(row), histogram.bounds(), histogram.maximum(row),
                      share_of(statistic))
          .value_or(not_measured);
  }
}

}  // namespace

SampleReader::SampleReader(const Check& check, const TableView& table, double window_seconds)
    : statistic_(check.statistic),
      value_(table.find(check.metric)),
      window_seconds_(window_seconds) {
  if (!check.count_metric.empty()) {
    count_ = table.find(check.count_metric);
  } else if (value_.valid() && is_histogram(value_)) {
    count_ = value_;
    counts_itself_ = true;
  }
}

bool SampleReader::readable() const {
  if (!value_.valid()) {
    return false;
  }
  const bool plain = statistic_ == Statistic::value || statistic_ == Statistic::count;
  return is_histogram(value_) ? statistic_ != Statistic::value : is_number(value_) && plain;
}

Sample SampleReader::at(std::size_t row) const {
  Sample sample;
  if (count_.valid()) {
    if (is_histogram(count_)) {
      count_histogram(count_, row, sample);
    } else if (is_number(count_)) {
      sample.count = finite_or_nothing(count_.number(row));
    }
  }
  if (!is_histogram(value_)) {
    sample.value = finite_or_nothing(value_.number(row));
    return sample;
  }
  const double total = counts_itself_ ? sample.count : total_of(value_, row);
  if (statistic_ == Statistic::count) {
    sample.value = total;
  } else if (total > 0) {
    sample.value = finite_or_nothing(statistic_of(value_, row, statistic_, total));
  }
  return sample;
}

void SampleReader::count_histogram(const ColumnView& column, std::size_t row,
                                   Sample& sample) const {
  sample.count = total_of(column, row);
  if (is_time(column.unit())) {
    sample.in_flight = finite_or_nothing(column.sum(row) / window_seconds_);
  }
}

}  // namespace gala
