// Reads CSV.
#include "runtime/cli/csv_table.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>

#include "runtime/core/diagnostics.h"

namespace gala {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
/// Views point into these, so they may not move: their room is made once for each row.
constexpr std::size_t most_quoted = 1024;

/// Walks over the cells of a text.
class Cells {
 public:
  explicit Cells(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) {
      text_.remove_prefix(3);
    }
  }

  [[nodiscard]] bool at_end() const { return text_.empty(); }
  [[nodiscard]] std::size_t line() const { return line_; }

  /// The next line's cells; quoted ones are unquoted into `owned`.
  void next_row(std::vector<std::string_view>& cells, std::vector<std::string>& owned) {
    cells.clear();
    owned.clear();
    owned.reserve(most_quoted);
    ++line_;
    while (true) {
      cells.push_back(text_.starts_with('"') ? quoted(owned) : plain());
      if (text_.starts_with(',')) {
        text_.remove_prefix(1);
        continue;
      }
      if (text_.starts_with('\r')) {
        text_.remove_prefix(1);
      }
      if (text_.starts_with('\n')) {
        text_.remove_prefix(1);
      }
      return;
    }
  }

 private:
  std::string_view plain() {
    const auto end = std::min(text_.find_first_of(",\r\n"), text_.size());
    const std::string_view cell = text_.substr(0, end);
    text_.remove_prefix(end);
    return cell;
  }

  std::string_view quoted(std::vector<std::string>& owned) {
    std::string cell;
    text_.remove_prefix(1);
    while (!text_.empty()) {
      if (text_.starts_with("\"\"")) {
        cell.push_back('"');
        text_.remove_prefix(2);
      } else if (text_.front() == '"') {
        text_.remove_prefix(1);
        break;
      } else {
        cell.push_back(text_.front());
        text_.remove_prefix(1);
      }
    }
    plain();  // What follows a closing quote belongs to no cell.
    if (owned.size() == owned.capacity()) {
      // Views into moved strings would dangle; so many quoted cells stand in no file of ours.
      return {};
    }
    return owned.emplace_back(std::move(cell));
  }

  std::string_view text_;
  std::size_t line_ = 0;
};

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

tl::unexpected<Error> wrong_length(std::string_view name, std::size_t line, std::size_t have,
                                   std::size_t want) {
  return fail(std::string(name) + ":" + std::to_string(line) + ": " + std::to_string(have) +
              " cells, the header has " + std::to_string(want));
}

bool is_blank(const std::vector<std::string_view>& cells) {
  return cells.size() == 1 && cells.front().empty();
}

}  // namespace

std::size_t CsvTable::find(std::string_view column) const {
  const auto found = std::find(columns.begin(), columns.end(), column);
  return found == columns.end() ? npos : static_cast<std::size_t>(found - columns.begin());
}

bool plain_or_gzip_exists(const std::string& path) {
  return std::filesystem::exists(path) || std::filesystem::exists(path + ".gz");
}

Result<std::string> read_plain_or_gzip(const std::string& path) {
  const std::string actual = std::filesystem::exists(path) ? path : path + ".gz";
  // zlib passes plain files through.
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(actual.c_str(), "rb"), gzclose);
  if (!file) {
    return fail("cannot read " + quote(path) + " or " + quote(path + ".gz"));
  }
  std::string text;
  std::array<char, 1 << 16> part{};
  while (true) {
    const int got = gzread(file.get(), part.data(), part.size());
    if (got < 0) {
      return fail(quote(actual) + " is damaged");
    }
    if (got == 0) {
      return text;
    }
    text.append(part.data(), static_cast<std::size_t>(got));
  }
}

Result<CsvTable> parse_csv(std::string_view text, std::string_view name) {
  CsvTable table;
  Cells cells(text);
  std::vector<std::string_view> row;
  std::vector<std::string> owned;
  if (cells.at_end()) {
    return fail(std::string(name) + " is empty");
  }
  cells.next_row(row, owned);
  table.columns.assign(row.begin(), row.end());
  while (!cells.at_end()) {
    cells.next_row(row, owned);
    if (is_blank(row)) {
      continue;
    }
    if (row.size() != table.columns.size()) {
      return wrong_length(name, cells.line(), row.size(), table.columns.size());
    }
    table.rows.emplace_back(row.begin(), row.end());
  }
  return table;
}

Result<SeriesTable> parse_series_csv(std::string_view text, std::string_view name) {
  SeriesTable table;
  Cells cells(text);
  std::vector<std::string_view> row;
  std::vector<std::string> owned;
  if (cells.at_end()) {
    return fail(std::string(name) + " is empty");
  }
  cells.next_row(row, owned);
  if (row.front() != "time") {
    return fail(std::string(name) + ": the first column is " + quote(row.front()) +
                ", it must be \"time\"");
  }
  table.columns.assign(row.begin() + 1, row.end());
  table.values.resize(table.columns.size());
  while (!cells.at_end()) {
    cells.next_row(row, owned);
    if (is_blank(row)) {
      continue;
    }
    if (row.size() != table.columns.size() + 1) {
      return wrong_length(name, cells.line(), row.size(), table.columns.size() + 1);
    }
    const double time = number_of(row.front());
    if (!std::isfinite(time)) {
      continue;
    }
    table.times.push_back(time);
    for (std::size_t i = 0; i < table.values.size(); ++i) {
      table.values[i].push_back(number_of(row[i + 1]));
    }
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
