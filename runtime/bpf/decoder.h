// Raw BPF bytes in, rows of a Batch out. Pure: needs neither kernel nor privileges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/bpf/layout.h"
#include "runtime/core/batch.h"

namespace gala::bpf {

using Bytes = std::span<const std::byte>;

/// Takes one record of a ring as it is; the bytes are valid during the call.
using RecordTaker = std::function<void(Bytes)>;

/// Rows of one table.
struct TableRows {
  std::string table;
  Batch batch;
};

/// What a column of a table will be.
struct ColumnSchema {
  std::string name;
  wire::ColumnKind kind = wire::ColumnKind::integer;
  wire::ColumnRole role = wire::ColumnRole::field;
  wire::Behaviour behaviour = wire::Behaviour::gauge;
};

/// Decodes rows that are one struct each: iterator and ring tables.
class RowDecoder {
 public:
  explicit RowDecoder(Layout row) : row_(std::move(row)) {}

  [[nodiscard]] std::vector<ColumnSchema> columns() const;
  [[nodiscard]] std::size_t row_size() const { return row_.size; }
  /// A batch without rows.
  [[nodiscard]] Batch begin() const;
  /// Requires: `row` has at least row_size() bytes; `batch` came from begin().
  void append(Batch& batch, Bytes row) const;
  /// Rows one after the other; false when the last one is cut short, which is left out.
  bool append_all(Batch& batch, Bytes rows) const;

 private:
  Layout row_;
};

/// Decodes the entries of a map: key struct and value struct(s), one value per CPU or one in all.
///
/// Sums over CPUs; maxima are the largest over CPUs that saw a value in the window just ended (or
/// in the one that has just begun: an event between the two may be told in both). The kernel's
/// 32-bit histogram slots are widened: a wrap between two reads is made good.
///
/// An entry that did not change during `idle_reads` reads is idle: it gets no row, and read() names
/// its key so that the caller deletes it. So a row that is missing has ended, and one that returns
/// starts from zero.
class MapDecoder {
 public:
  MapDecoder(Layout key, Layout value, std::size_t idle_reads);

  [[nodiscard]] std::vector<ColumnSchema> columns() const;
  [[nodiscard]] std::size_t key_size() const { return key_.size; }
  /// Bytes of one CPU's value, as the system call pads it.
  [[nodiscard]] std::size_t value_stride() const { return (value_.size + 7) / 8 * 8; }

  /// Starts a read; maxima of `ended_window` and of the one after it are valid.
  void begin(std::uint32_t ended_window);
  /// One entry; `values` holds one value_stride() per CPU, or one value.
  void add(Bytes key, Bytes values);
  /// The rows of this read. Entries that were not added are forgotten.
  Batch finish();
  /// Keys to delete; valid after finish().
  [[nodiscard]] const std::vector<std::string>& idle_keys() const { return idle_keys_; }

 private:
  struct Row {
    std::uint64_t fingerprint = 0;
    std::size_t unchanged = 0;
    bool seen = false;
    std::vector<std::uint64_t> counts;  // of all histograms, widened
  };

  bool is_idle(Row& row, Bytes values) const;
  [[nodiscard]] bool is_valid_window(std::uint32_t window) const {
    return window == ended_window_ || window == ended_window_ + 1;
  }
  template <class Use>
  void for_each_cpu(Bytes values, Use use) const;
  std::uint64_t merge_integer(const Field& field, Bytes values) const;
  std::uint64_t merge_maximum(const Field& field, Bytes values) const;
  Bytes first_set(const Field& field, Bytes values) const;
  void append_value(const Field& field, Column& column, Bytes values, std::uint64_t* counts) const;
  Histogram merge_histogram(const Field& field, Bytes values, std::uint64_t* counts) const;

  Layout key_;
  Layout value_;
  std::size_t idle_reads_;
  std::size_t histograms_ = 0;
  std::uint32_t ended_window_ = 0;
  Batch batch_;
  std::unordered_map<std::string, Row> rows_;
  std::vector<std::string> idle_keys_;
};

}  // namespace gala::bpf
