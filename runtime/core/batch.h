// Columns of rows in memory: built by sources and the assembler, written as Records or
// Observations; and the view that reads those messages in place.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/wire/batch_generated.h"

namespace gala {

inline constexpr double not_measured = std::numeric_limits<double>::quiet_NaN();

/// Counts per bucket plus exact sum and maximum, in the column's unit.
struct Histogram {
  std::vector<std::uint64_t> counts;
  double sum = 0;
  double maximum = 0;

  [[nodiscard]] std::uint64_t total() const;
  /// Adds `other` bucket by bucket; both must have the same bounds.
  void add(const Histogram& other);
};

/// The value below which a share `q` (0…1) of all values lies, linear inside its bucket, never
/// above `maximum`; nothing when the histogram is empty. `bounds` are upper bounds, the last
/// +infinity.
std::optional<double> quantile(std::span<const std::uint64_t> counts,
                               std::span<const double> bounds, double maximum, double q);

/// One named column; rows are appended by the typed `add`. The kind is fixed at construction.
struct Column {
  std::string name;
  wire::ColumnKind kind = wire::ColumnKind::integer;
  wire::ColumnRole role = wire::ColumnRole::field;
  wire::Behaviour behaviour = wire::Behaviour::gauge;
  std::string unit;

  std::vector<std::uint64_t> integers;
  std::vector<double> numbers;
  std::vector<std::uint32_t> codes;
  std::vector<std::string> dictionary;
  std::vector<std::uint64_t> counts;
  std::vector<double> bounds;
  std::vector<double> sums;
  std::vector<double> maxima;

  void add(std::uint64_t value) { integers.push_back(value); }
  void add(double value) { numbers.push_back(value); }
  /// Requires: kind text. Dictionary-encoded.
  void add(std::string_view value);
  /// Requires: kind histogram and as many counts as bounds.
  void add(const Histogram& value);

  [[nodiscard]] std::size_t size() const;

 private:
  std::map<std::string, std::uint32_t, std::less<>> code_of_;
};

/// A table in memory. All columns have the same number of rows.
class Batch {
 public:
  /// Adds an empty column and returns its index. References to columns stay valid only until the
  /// next call.
  std::size_t add_column(std::string_view name, wire::ColumnKind kind,
                         wire::ColumnRole role = wire::ColumnRole::field);
  [[nodiscard]] Column& column(std::size_t index) { return columns_[index]; }
  [[nodiscard]] const Column& column(std::size_t index) const { return columns_[index]; }
  [[nodiscard]] Column* find(std::string_view name);
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  /// Rows of the first column.
  [[nodiscard]] std::size_t rows() const { return columns_.empty() ? 0 : columns_.front().size(); }

 private:
  std::vector<Column> columns_;
};

/// Where and when a batch was measured.
struct BatchWindow {
  std::string machine_id;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::int64_t wall_offset_ns = 0;
  std::uint64_t lost = 0;
};

/// Serialises `batch` as a finished Records / Observations message.
std::vector<std::uint8_t> to_records(const Batch& batch, std::string_view table,
                                     const BatchWindow& window, bool counters_from_zero);
std::vector<std::uint8_t> to_observations(const Batch& batch, std::string_view entity,
                                          std::string_view table, const BatchWindow& window,
                                          std::span<const std::string> ended = {});

/// Reads one column of a verified message in place. Range checks are the constructor's: vectors
/// that are shorter than `rows`, codes beyond the dictionary and the like make the column
/// unreadable (valid() == false), never undefined.
class ColumnView {
 public:
  ColumnView() = default;
  ColumnView(const wire::Column* column, std::uint32_t rows);

  [[nodiscard]] bool valid() const { return column_ != nullptr; }
  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] std::string_view unit() const;
  [[nodiscard]] wire::ColumnKind kind() const { return column_->kind(); }
  [[nodiscard]] wire::ColumnRole role() const { return column_->role(); }
  [[nodiscard]] wire::Behaviour behaviour() const { return column_->behaviour(); }

  /// Integer or number as double; NaN when not measured. Requires: kind integer or number.
  [[nodiscard]] double number(std::size_t row) const;
  /// Requires: kind integer.
  [[nodiscard]] std::uint64_t integer(std::size_t row) const;
  /// Requires: kind text.
  [[nodiscard]] std::string_view text(std::size_t row) const;
  /// Any kind but histogram as text, as it stands in ids.
  [[nodiscard]] std::string as_text(std::size_t row) const;

  /// All cells at once, for loops over many rows. Requires: kind integer, number, text.
  [[nodiscard]] std::span<const std::uint64_t> integers() const;
  [[nodiscard]] std::span<const double> numbers() const;
  [[nodiscard]] std::span<const std::uint32_t> codes() const;
  /// The dictionary that codes point into. Requires: kind text.
  [[nodiscard]] std::size_t word_count() const;
  [[nodiscard]] std::string_view word(std::size_t code) const;

  /// Requires: kind histogram.
  [[nodiscard]] std::span<const double> bounds() const;
  [[nodiscard]] std::span<const std::uint64_t> counts(std::size_t row) const;
  [[nodiscard]] double sum(std::size_t row) const;
  [[nodiscard]] double maximum(std::size_t row) const;

 private:
  const wire::Column* column_ = nullptr;
};

/// All columns of a Records or Observations message, by name.
class TableView {
 public:
  TableView(const flatbuffers::Vector<flatbuffers::Offset<wire::Column>>* columns,
            std::uint32_t rows);

  [[nodiscard]] std::uint32_t rows() const { return rows_; }
  [[nodiscard]] const std::vector<ColumnView>& columns() const { return columns_; }
  /// An invalid view when there is no such (readable) column.
  [[nodiscard]] ColumnView find(std::string_view name) const;
  /// Columns that the constructor refused.
  [[nodiscard]] std::uint32_t unreadable() const { return unreadable_; }

 private:
  std::uint32_t rows_ = 0;
  std::uint32_t unreadable_ = 0;
  std::vector<ColumnView> columns_;
};

}  // namespace gala
