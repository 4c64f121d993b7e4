// Statistics of cells.
#include "runtime/model/statistic.h"

#include <numeric>

namespace gala {

double statistic_of(const ColumnView& column, std::size_t row, Statistic statistic) {
  if (column.kind() != wire::ColumnKind::histogram) {
    return column.number(row);
  }
  const auto counts = column.counts(row);
  const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (statistic == Statistic::count) {
    return static_cast<double>(total);
  }
  if (total == 0) {
    return not_measured;
  }
  const auto at = [&](double q) {
    return quantile(counts, column.bounds(), column.maximum(row), q).value_or(not_measured);
  };
  switch (statistic) {
    case Statistic::p50:
      return at(0.50);
    case Statistic::p90:
      return at(0.90);
    case Statistic::p95:
      return at(0.95);
    case Statistic::p99:
      return at(0.99);
    case Statistic::max:
      return column.maximum(row);
    case Statistic::value:
    case Statistic::mean:
    case Statistic::count:
      break;
  }
  return column.sum(row) / static_cast<double>(total);
}

}  // namespace gala
