// CSV files with a header, plain or compressed with gzip: measurements and their lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/result.h"

namespace gala {

/// A small table of texts, e.g. topology.csv.
struct CsvTable {
  std::vector<std::string> columns;
  /// Each row has as many cells as there are columns.
  std::vector<std::vector<std::string>> rows;

  /// Position of a column, or npos.
  [[nodiscard]] std::size_t find(std::string_view column) const;
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
};

/// Measurements over time: a first column `time` in Unix seconds, then one column of numbers each.
struct SeriesTable {
  std::vector<double> times;
  std::vector<std::string> columns;
  /// One vector for each column, as long as `times`; NaN where a cell is empty or no finite number.
  std::vector<std::vector<double>> values;
};

/// True when `path` or `path`.gz is there.
bool csv_exists(const std::string& path);

/// Reads `path`, or `path`.gz where that is what there is. A row of another length than the header
/// is an error, and so is a damaged or truncated file.
Result<CsvTable> read_csv(const std::string& path);
/// The same for measurements. Rows whose time is no number are left out.
Result<SeriesTable> read_series(const std::string& path);

/// A cell as it must be written: quoted where it holds a comma, a quote or a line break.
std::string csv_cell(std::string_view text);

}  // namespace gala
