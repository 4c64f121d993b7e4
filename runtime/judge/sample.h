// Reads the values that one check judges from the columns of one message.
#pragma once

#include <cstddef>

#include "runtime/core/batch.h"
#include "runtime/model/model.h"

namespace gala {

/// One row as a check sees it; NaN = unknown.
struct Sample {
  /// The judged statistic, in the metric's unit.
  double value = not_measured;
  /// Number of values behind it (requests, for a latency).
  double count = not_measured;
  /// Sum of latencies / length of the window = requests in the system at a time (J. D. C. Little,
  /// 1961).
  double in_flight = not_measured;
};

/// Reads a check's columns. Lives as long as the message.
class SampleReader {
 public:
  SampleReader(const Check& check, const TableView& table, double window_seconds);

  /// Whether the message has the check's metric; other tables of the entity do not.
  [[nodiscard]] bool present() const { return value_.valid(); }
  /// Present, and of a kind that has the statistic.
  [[nodiscard]] bool readable() const;
  /// Requires: readable().
  [[nodiscard]] Sample at(std::size_t row) const;

 private:
  void count_histogram(const ColumnView& column, std::size_t row, Sample& sample) const;

  Statistic statistic_;
  ColumnView value_;
  ColumnView count_;
  bool counts_itself_ = false;
  double window_seconds_;
};

}  // namespace gala
