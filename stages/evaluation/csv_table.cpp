// Reads CSV: zlib unpacks, libcsv finds the cells.
#include "stages/evaluation/csv_table.h"

#include <csv.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>

#include "runtime/core/diagnostics.h"

namespace gala {
namespace {

using Cells = std::vector<std::string>;
/// Takes the cells of one row; the first row is the header.
using TakeRow = std::function<Result<>(std::size_t line, Cells& cells)>;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// The row that libcsv is in.
struct OpenRow {
  const TakeRow& take;
  Cells cells;
  std::size_t line = 1;
  int ended_by = 0;
  Result<> result;
};

void on_cell(void* text, std::size_t size, void* data) {
  static_cast<OpenRow*>(data)->cells.emplace_back(static_cast<const char*>(text), size);
}

/// Called for each line end, also of blank lines, and of "\r\n" twice.
void on_row(int ended_by, void* data) {
  OpenRow& row = *static_cast<OpenRow*>(data);
  const bool same_line_end = ended_by == '\n' && row.ended_by == '\r' && row.cells.empty();
  row.ended_by = ended_by;
  if (same_line_end) {
    return;
  }
  const bool blank = row.cells.empty() || (row.cells.size() == 1 && row.cells.front().empty());
  if (!blank && row.result) {
    row.result = row.take(row.line, row.cells);
  }
  row.cells.clear();
  ++row.line;
}

using GzFile = std::unique_ptr<gzFile_s, int (*)(gzFile)>;

tl::unexpected<Error> wrong_quotes(const std::string& name, std::size_t line) {
  return fail(name + ":" + std::to_string(line) +
              ": a quote that opens or closes no cell; double the quotes inside a quoted cell");
}

/// Hands the unpacked bytes of the file to the parser.
Result<> parse_file(gzFile file, const std::string& name, csv_parser& parser, OpenRow& row) {
  std::array<char, 1 << 16> bytes{};
  for (bool first = true; row.result; first = false) {
    const int got = gzread(file, bytes.data(), bytes.size());
    int status = Z_OK;
    gzerror(file, &status);
    if (got < 0 || status < 0) {
      return fail(quote(name) + " is damaged or incomplete; unpack it with gunzip to see where");
    }
    if (got == 0) {
      break;
    }
    std::string_view part(bytes.data(), static_cast<std::size_t>(got));
    if (first && part.starts_with(byte_order_mark)) {
      part.remove_prefix(byte_order_mark.size());
    }
    if (csv_parse(&parser, part.data(), part.size(), on_cell, on_row, &row) != part.size()) {
      return wrong_quotes(name, row.line);
    }
  }
  if (row.result && csv_fini(&parser, on_cell, on_row, &row) != 0) {
    return wrong_quotes(name, row.line);
  }
  return row.result;
}

Result<> read_rows(const std::string& path, const TakeRow& take) {
  const std::string name = std::filesystem::exists(path) ? path : path + ".gz";
  // zlib passes plain files through.
  const GzFile file(gzopen(name.c_str(), "rb"), gzclose);
  if (!file) {
    return fail("cannot read " + quote(path) + " or " + quote(path + ".gz"));
  }
  csv_parser parser{};
  if (csv_init(&parser, CSV_REPALL_NL | CSV_STRICT | CSV_STRICT_FINI) != 0) {
    return fail("cannot start to read " + quote(name));
  }
  OpenRow row{take, {}, 1, 0, {}};
  const auto done = parse_file(file.get(), name, parser, row);
  csv_free(&parser);
  return done;
}

double number_of(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '+')) {
    cell.remove_prefix(1);
  }
  while (!cell.empty() && cell.back() == ' ') {
    cell.remove_suffix(1);
  }
  double value = missing;
  const auto read = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool whole = read.ec == std::errc{} && read.ptr == cell.data() + cell.size();
  return whole && std::isfinite(value) ? value : missing;
}

Result<> check_length(const std::string& path, std::size_t line, std::size_t have,
                      std::size_t want) {
  if (have != want) {
    return fail(path + ":" + std::to_string(line) + ": " + std::to_string(have) +
                " cells, the header has " + std::to_string(want));
  }
  return {};
}

}  // namespace

std::size_t CsvTable::find(std::string_view column) const {
  const auto found = std::find(columns.begin(), columns.end(), column);
  return found == columns.end() ? npos : static_cast<std::size_t>(found - columns.begin());
}

bool csv_exists(const std::string& path) {
  return std::filesystem::exists(path) || std::filesystem::exists(path + ".gz");
}

Result<CsvTable> read_csv(const std::string& path) {
  CsvTable table;
  const TakeRow take = [&](std::size_t line, Cells& cells) -> Result<> {
    if (table.columns.empty()) {
      table.columns = std::move(cells);
      return {};
    }
    TRY(check_length(path, line, cells.size(), table.columns.size()));
    table.rows.push_back(std::move(cells));
    return {};
  };
  TRY(read_rows(path, take));
  if (table.columns.empty()) {
    return fail(path + " is empty; it needs a header");
  }
  return table;
}

Result<SeriesTable> read_series(const std::string& path) {
  SeriesTable table;
  std::size_t columns = 0;
  const TakeRow take = [&](std::size_t line, Cells& cells) -> Result<> {
    if (columns == 0) {
      if (cells.front() != "time") {
        return fail(path + ": the first column is " + quote(cells.front()) +
                    ", it must be \"time\"");
      }
      columns = cells.size();
      table.columns.assign(cells.begin() + 1, cells.end());
      table.values.resize(table.columns.size());
      return {};
    }
    TRY(check_length(path, line, cells.size(), columns));
    const double time = number_of(cells.front());
    if (!std::isfinite(time)) {
      return {};
    }
    table.times.push_back(time);
    for (std::size_t i = 0; i < table.values.size(); ++i) {
      table.values[i].push_back(number_of(cells[i + 1]));
    }
    return {};
  };
  TRY(read_rows(path, take));
  if (columns == 0) {
    return fail(path + " is empty; it needs a header");
  }
  return table;
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    return std::string(text);
  }
  std::string cell = "\"";
  for (const char c : text) {
    cell.append(c == '"' ? "\"\"" : std::string(1, c));
  }
  return cell + "\"";
}

}  // namespace gala
