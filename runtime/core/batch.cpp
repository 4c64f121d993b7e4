// Columns of rows: building, serialising, reading in place.
#include "runtime/core/batch.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "schemas/wire/observations_generated.h"
#include "schemas/wire/records_generated.h"

namespace gala {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

Offset<wire::Column> pack(FlatBufferBuilder& builder, const Column& column) {
  const auto name = builder.CreateSharedString(column.name);
  const auto unit = builder.CreateSharedString(column.unit);
  Offset<flatbuffers::Vector<std::uint64_t>> integers;
  Offset<flatbuffers::Vector<double>> numbers;
  Offset<flatbuffers::Vector<std::uint32_t>> codes;
  Offset<flatbuffers::Vector<Offset<flatbuffers::String>>> dictionary;
  Offset<flatbuffers::Vector<std::uint64_t>> counts;
  Offset<flatbuffers::Vector<double>> bounds;
  Offset<flatbuffers::Vector<double>> sums;
  Offset<flatbuffers::Vector<double>> maxima;
  switch (column.kind) {
    case wire::ColumnKind::integer:
      integers = builder.CreateVector(column.integers);
      break;
    case wire::ColumnKind::number:
      numbers = builder.CreateVector(column.numbers);
      break;
    case wire::ColumnKind::text:
      codes = builder.CreateVector(column.codes);
      dictionary = builder.CreateVectorOfStrings(column.dictionary);
      break;
    case wire::ColumnKind::histogram:
      counts = builder.CreateVector(column.counts);
      bounds = builder.CreateVector(column.bounds);
      sums = builder.CreateVector(column.sums);
      maxima = builder.CreateVector(column.maxima);
      break;
  }
  wire::ColumnBuilder table(builder);
  table.add_name(name);
  table.add_kind(column.kind);
  table.add_role(column.role);
  table.add_behaviour(column.behaviour);
  table.add_unit(unit);
  table.add_integers(integers);
  table.add_numbers(numbers);
  table.add_codes(codes);
  table.add_dictionary(dictionary);
  table.add_counts(counts);
  table.add_bounds(bounds);
  table.add_sums(sums);
  table.add_maxima(maxima);
  return table.Finish();
}

Offset<flatbuffers::Vector<Offset<wire::Column>>> pack(FlatBufferBuilder& builder,
                                                       const Batch& batch) {
  std::vector<Offset<wire::Column>> columns;
  columns.reserve(batch.columns().size());
  for (const Column& column : batch.columns()) {
    columns.push_back(pack(builder, column));
  }
  return builder.CreateVector(columns);
}

std::vector<std::uint8_t> bytes_of(const FlatBufferBuilder& builder) {
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

template <class Vector>
bool holds(const Vector* vector, std::size_t size) {
  return vector != nullptr && vector->size() >= size;
}

bool readable(const wire::Column& column, std::uint32_t rows) {
  if (column.name() == nullptr) {
    return false;
  }
  switch (column.kind()) {
    case wire::ColumnKind::integer:
      return holds(column.integers(), rows);
    case wire::ColumnKind::number:
      return holds(column.numbers(), rows);
    case wire::ColumnKind::text: {
      if (!holds(column.codes(), rows) || column.dictionary() == nullptr) {
        return false;
      }
      const auto words = column.dictionary()->size();
      return std::all_of(column.codes()->begin(), column.codes()->end(),
                         [words](std::uint32_t code) { return code < words; });
    }
    case wire::ColumnKind::histogram: {
      const auto* bounds = column.bounds();
      return bounds != nullptr && bounds->size() > 0 && holds(column.sums(), rows) &&
             holds(column.maxima(), rows) &&
             holds(column.counts(), std::size_t{rows} * bounds->size());
    }
  }
  return false;
}

}  // namespace

std::uint64_t Histogram::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

void Histogram::add(const Histogram& other) {
  if (counts.size() < other.counts.size()) {
    counts.resize(other.counts.size());
  }
  for (std::size_t i = 0; i < other.counts.size(); ++i) {
    counts[i] += other.counts[i];
  }
  sum += other.sum;
  maximum = std::max(maximum, other.maximum);
}

std::optional<double> quantile(std::span<const std::uint64_t> counts,
                               std::span<const double> bounds, double maximum, double q) {
  const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (total == 0 || counts.size() != bounds.size()) {
    return std::nullopt;
  }
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? 0.0 : bounds[i - 1];
      const double high = std::isfinite(bounds[i]) ? std::min(bounds[i], maximum) : maximum;
      return std::min(low + (high - low) * (rank - below) / here, maximum);
    }
    below += here;
  }
  return maximum;
}

void Column::add(std::string_view value) {
  auto found = code_of_.find(value);
  if (found == code_of_.end()) {
    found = code_of_.emplace(value, static_cast<std::uint32_t>(dictionary.size())).first;
    dictionary.emplace_back(value);
  }
  codes.push_back(found->second);
}

void Column::add(const Histogram& value) {
  counts.insert(counts.end(), value.counts.begin(), value.counts.end());
  counts.resize((sums.size() + 1) * bounds.size());
  sums.push_back(value.sum);
  maxima.push_back(value.maximum);
}

std::size_t Column::size() const {
  switch (kind) {
    case wire::ColumnKind::integer:
      return integers.size();
    case wire::ColumnKind::number:
      return numbers.size();
    case wire::ColumnKind::text:
      return codes.size();
    case wire::ColumnKind::histogram:
      return sums.size();
  }
  return 0;
}

std::size_t Batch::add_column(std::string_view name, wire::ColumnKind kind, wire::ColumnRole role) {
  Column& column = columns_.emplace_back();
  column.name = name;
  column.kind = kind;
  column.role = role;
  return columns_.size() - 1;
}

Column* Batch::find(std::string_view name) {
  const auto found = std::find_if(columns_.begin(), columns_.end(),
                                  [name](const Column& column) { return column.name == name; });
  return found == columns_.end() ? nullptr : &*found;
}

std::vector<std::uint8_t> to_records(const Batch& batch, std::string_view table,
                                     const BatchWindow& window, bool counters_from_zero) {
  FlatBufferBuilder builder(4096);
  const auto columns = pack(builder, batch);
  const auto name = builder.CreateString(table.data(), table.size());
  const auto machine = builder.CreateString(window.machine_id);
  wire::RecordsBuilder records(builder);
  records.add_table(name);
  records.add_machine_id(machine);
  records.add_window_start_ns(window.start_ns);
  records.add_window_end_ns(window.end_ns);
  records.add_wall_offset_ns(window.wall_offset_ns);
  records.add_rows(static_cast<std::uint32_t>(batch.rows()));
  records.add_columns(columns);
  records.add_counters_from_zero(counters_from_zero);
  records.add_lost(window.lost);
  wire::FinishRecordsBuffer(builder, records.Finish());
  return bytes_of(builder);
}

std::vector<std::uint8_t> to_observations(const Batch& batch, std::string_view entity,
                                          std::string_view table, const BatchWindow& window,
                                          std::span<const std::string> ended) {
  FlatBufferBuilder builder(4096);
  const auto columns = pack(builder, batch);
  const auto entity_name = builder.CreateString(entity.data(), entity.size());
  const auto table_name = builder.CreateString(table.data(), table.size());
  const auto machine = builder.CreateString(window.machine_id);
  const auto ended_ids =
      builder.CreateVectorOfStrings(std::vector<std::string>(ended.begin(), ended.end()));
  wire::ObservationsBuilder observations(builder);
  observations.add_entity(entity_name);
  observations.add_table(table_name);
  observations.add_machine_id(machine);
  observations.add_window_start_ns(window.start_ns);
  observations.add_window_end_ns(window.end_ns);
  observations.add_wall_offset_ns(window.wall_offset_ns);
  observations.add_rows(static_cast<std::uint32_t>(batch.rows()));
  observations.add_columns(columns);
  observations.add_lost(window.lost);
  observations.add_ended(ended_ids);
  wire::FinishObservationsBuffer(builder, observations.Finish());
  return bytes_of(builder);
}

ColumnView::ColumnView(const wire::Column* column, std::uint32_t rows)
    : column_(column != nullptr && readable(*column, rows) ? column : nullptr) {}

std::string_view ColumnView::name() const { return column_->name()->string_view(); }

std::string_view ColumnView::unit() const {
  return column_->unit() == nullptr ? std::string_view{} : column_->unit()->string_view();
}

double ColumnView::number(std::size_t row) const {
  const auto at = static_cast<flatbuffers::uoffset_t>(row);
  return column_->kind() == wire::ColumnKind::number
             ? column_->numbers()->Get(at)
             : static_cast<double>(column_->integers()->Get(at));
}

std::uint64_t ColumnView::integer(std::size_t row) const {
  return column_->integers()->Get(static_cast<flatbuffers::uoffset_t>(row));
}

std::string_view ColumnView::text(std::size_t row) const {
  const auto code = column_->codes()->Get(static_cast<flatbuffers::uoffset_t>(row));
  return column_->dictionary()->Get(code)->string_view();
}

std::string ColumnView::as_text(std::size_t row) const {
  switch (column_->kind()) {
    case wire::ColumnKind::text:
      return std::string(text(row));
    case wire::ColumnKind::integer:
      return std::to_string(integer(row));
    case wire::ColumnKind::number: {
      std::string digits = std::to_string(number(row));
      digits.erase(digits.find_last_not_of('0') + 1);
      if (digits.ends_with('.')) {
        digits.pop_back();
      }
      return digits;
    }
    case wire::ColumnKind::histogram:
      break;
  }
  return {};
}

std::span<const std::uint64_t> ColumnView::integers() const {
  return {column_->integers()->data(), column_->integers()->size()};
}

std::span<const double> ColumnView::numbers() const {
  return {column_->numbers()->data(), column_->numbers()->size()};
}

std::span<const std::uint32_t> ColumnView::codes() const {
  return {column_->codes()->data(), column_->codes()->size()};
}

std::size_t ColumnView::word_count() const { return column_->dictionary()->size(); }

std::string_view ColumnView::word(std::size_t code) const {
  return column_->dictionary()->Get(static_cast<flatbuffers::uoffset_t>(code))->string_view();
}

std::span<const double> ColumnView::bounds() const {
  return {column_->bounds()->data(), column_->bounds()->size()};
}

std::span<const std::uint64_t> ColumnView::counts(std::size_t row) const {
  const std::size_t width = column_->bounds()->size();
  return {column_->counts()->data() + row * width, width};
}

double ColumnView::sum(std::size_t row) const {
  return column_->sums()->Get(static_cast<flatbuffers::uoffset_t>(row));
}

double ColumnView::maximum(std::size_t row) const {
  return column_->maxima()->Get(static_cast<flatbuffers::uoffset_t>(row));
}

TableView::TableView(const flatbuffers::Vector<flatbuffers::Offset<wire::Column>>* columns,
                     std::uint32_t rows)
    : rows_(rows) {
  if (columns == nullptr) {
    return;
  }
  columns_.reserve(columns->size());
  for (const wire::Column* column : *columns) {
    const ColumnView view(column, rows);
    if (view.valid()) {
      columns_.push_back(view);
    } else {
      ++unreadable_;
    }
  }
}

ColumnView TableView::find(std::string_view name) const {
  const auto found = std::find_if(columns_.begin(), columns_.end(),
                                  [name](const ColumnView& view) { return view.name() == name; });
  return found == columns_.end() ? ColumnView{} : *found;
}

}  // namespace gala
