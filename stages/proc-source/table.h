// One declaration per column: a row type lists its cells, and both the message and the schema come
// from the list.
//
//   struct Row {
//     static constexpr std::string_view table = "system.pressure";
//     static constexpr std::array teaches{   // only where a column teaches something
//         Teaches{Fact::process_begin, "start_time_ns"}};
//     static constexpr auto cells() {
//       return std::tuple{Text<Row>{"resource", &Row::resource}, Counter<Row>{"some_ns",
//       &Row::some_ns}};
//     }
//     std::string resource;
//     double some_ns = not_measured;
//   };
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/record_schema.h"
#include "runtime/model/model.h"

namespace gala::proc_source {

/// An id, a flag or another whole number that names or describes.
template <class Row>
struct Integer {
  std::string_view name;
  std::uint64_t Row::* member;
};

/// A name or description.
template <class Row>
struct Text {
  std::string_view name;
  std::string Row::* member;
};

/// A value that only grows (until its owner restarts).
template <class Row>
struct Counter {
  std::string_view name;
  double Row::* member;
};

/// A value as it is now.
template <class Row>
struct Gauge {
  std::string_view name;
  double Row::* member;
};

/// What a column teaches about the thing that its row names.
struct Teaches {
  Fact fact;
  std::string_view column;
};

/// A column that is one `key value` pair of a kernel file.
struct KeyedColumn {
  std::string_view name;
  wire::Behaviour behaviour;
  /// As the file spells it.
  std::string_view key;
  /// Column value = file value × scale.
  double scale = 1;
};

/// Values of KeyedColumns in their order, not measured at first.
template <std::size_t count>
struct KeyedValues {
  KeyedValues() { values.fill(not_measured); }
  std::array<double, count> values;
};

/// Several columns at once, filled from a file of `key value` pairs.
template <class Row, std::size_t count>
struct Keyed {
  const std::array<KeyedColumn, count>& columns;
  KeyedValues<count> Row::* member;
};

/// Finds a KeyedColumn by its key. `columns` must outlive the index.
class KeyIndex {
 public:
  explicit KeyIndex(std::span<const KeyedColumn> columns) : columns_(columns) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      position_of_.emplace(columns[i].key, i);
    }
  }

  /// Stores `value` times the column's scale; false when no column wants the key.
  bool store(std::string_view key, double value, std::span<double> values) const {
    const auto found = position_of_.find(key);
    if (found == position_of_.end() || found->second >= values.size()) {
      return false;
    }
    values[found->second] = value * columns_[found->second].scale;
    return true;
  }

 private:
  std::span<const KeyedColumn> columns_;
  std::unordered_map<std::string_view, std::size_t> position_of_;
};

namespace detail {

template <class Row>
const Row& row_of(const Row& row) {
  return row;
}
template <class Row>
const Row& row_of(const Row&&) = delete;
template <class Row>
const Row& row_of(const Row* row) {
  return *row;
}

template <class Member, class Rows>
void append_column(Batch& batch, std::string_view name, wire::Behaviour behaviour, Member member,
                   const Rows& rows) {
  using Value = std::remove_cvref_t<decltype(row_of(*rows.begin()).*member)>;
  constexpr auto kind = std::is_same_v<Value, std::string>     ? wire::ColumnKind::text
                        : std::is_same_v<Value, std::uint64_t> ? wire::ColumnKind::integer
                                                               : wire::ColumnKind::number;
  Column& column = batch.column(batch.add_column(name, kind));
  column.behaviour = behaviour;
  for (const auto& row : rows) {
    if constexpr (kind == wire::ColumnKind::text) {
      column.add(std::string_view(row_of(row).*member));
    } else {
      column.add(row_of(row).*member);
    }
  }
}

template <class Row, class Rows>
void append(Batch& batch, const Integer<Row>& cell, const Rows& rows) {
  append_column(batch, cell.name, wire::Behaviour::gauge, cell.member, rows);
}
template <class Row, class Rows>
void append(Batch& batch, const Text<Row>& cell, const Rows& rows) {
  append_column(batch, cell.name, wire::Behaviour::gauge, cell.member, rows);
}
template <class Row, class Rows>
void append(Batch& batch, const Counter<Row>& cell, const Rows& rows) {
  append_column(batch, cell.name, wire::Behaviour::counter, cell.member, rows);
}
template <class Row, class Rows>
void append(Batch& batch, const Gauge<Row>& cell, const Rows& rows) {
  append_column(batch, cell.name, wire::Behaviour::gauge, cell.member, rows);
}
template <class Row, std::size_t count, class Rows>
void append(Batch& batch, const Keyed<Row, count>& cell, const Rows& rows) {
  for (std::size_t i = 0; i < count; ++i) {
    const KeyedColumn& declared = cell.columns[i];
    Column& column = batch.column(batch.add_column(declared.name, wire::ColumnKind::number));
    column.behaviour = declared.behaviour;
    for (const auto& row : rows) {
      column.add((row_of(row).*cell.member).values[i]);
    }
  }
}

}  // namespace detail

/// All rows as columns. `Rows` holds Row or const Row*.
template <class Row, class Rows>
Batch to_batch(const Rows& rows) {
  Batch batch;
  std::apply([&](const auto&... cell) { (detail::append(batch, cell, rows), ...); }, Row::cells());
  return batch;
}

/// Adds what `Row` declares to `schemas`.
template <class Row>
void declare(RecordSchemas& schemas) {
  RecordTable& table = schemas[std::string(Row::table)];
  if constexpr (requires { Row::teaches; }) {
    for (const auto& [fact, column] : Row::teaches) {
      table.teaches.emplace(fact, column);
    }
  }
  const Batch empty = to_batch<Row>(std::span<const Row>{});
  for (const Column& column : empty.columns()) {
    table.columns.push_back({column.name, column.kind});
  }
}

}  // namespace gala::proc_source
