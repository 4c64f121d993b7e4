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

/// The text of `path`, or of `path`.gz, uncompressed; nothing is said of a missing file but that.
Result<std::string> read_plain_or_gzip(const std::string& path);
/// True when `path` or `path`.gz is there.
bool plain_or_gzip_exists(const std::string& path);

/// `name` stands in messages. Quoted cells are understood; a row of another length is an error.
Result<CsvTable> parse_csv(std::string_view text, std::string_view name);
/// Rows whose time is no number are left out.
Result<SeriesTable> parse_series_csv(std::string_view text, std::string_view name);

/// A cell as it must be written: quoted where it holds a comma, a quote or a line break.
std::string csv_cell(std::string_view text);

}  // namespace gala
