// Raw BPF bytes in, rows of a Batch out.
#include "runtime/bpf/decoder.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace gala::bpf {
namespace {

/// `struct histogram` and `struct window_max` as in bpf/include.
struct RawHistogram {
  std::uint64_t sum;
  std::uint64_t maximum;
  std::uint32_t window;
  std::uint32_t slots[histogram_slots];
  std::uint32_t pad;
};
static_assert(sizeof(RawHistogram) == 416);

struct RawMaximum {
  std::uint64_t value;
  std::uint32_t window;
  std::uint32_t pad;
};
static_assert(sizeof(RawMaximum) == 16);

template <class Type>
Type load(Bytes bytes, std::size_t offset) {
  Type value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

std::uint64_t load_integer(Bytes bytes, const Field& field) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + field.offset, field.size);  // little endian hosts
  if (field.is_signed && field.size < sizeof(value)) {
    const auto unused = static_cast<unsigned>(64 - 8 * field.size);
    value = static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
  }
  return value;
}

std::string_view load_text(Bytes bytes, const Field& field) {
  const auto* text = reinterpret_cast<const char*>(bytes.data() + field.offset);
  return {text, ::strnlen(text, field.size)};
}

std::string load_address(Bytes bytes, const Field& field) {
  constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const std::byte* address = bytes.data() + field.offset;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (std::memcmp(address, mapped.data(), mapped.size()) == 0) {
    ::inet_ntop(AF_INET, address + mapped.size(), text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, address, text.data(), text.size());
  }
  return text.data();
}

std::uint64_t fingerprint_of(Bytes bytes) {
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// A field of a single struct: row or key.
void append_field(const Field& field, Column& column, Bytes bytes) {
  switch (field.kind) {
    case FieldKind::integer:
      column.add(load_integer(bytes, field));
      break;
    case FieldKind::text:
      column.add(load_text(bytes, field));
      break;
    case FieldKind::address:
      column.add(std::string_view{load_address(bytes, field)});
      break;
    case FieldKind::window_max:
      column.add(load<RawMaximum>(bytes, field.offset).value);
      break;
    case FieldKind::histogram: {
      const auto raw = load<RawHistogram>(bytes, field.offset);
      column.add(Histogram{{std::begin(raw.slots), std::end(raw.slots)},
                           static_cast<double>(raw.sum),
                           static_cast<double>(raw.maximum)});
      break;
    }
  }
}

void add_columns(Batch& batch, const std::vector<ColumnSchema>& columns) {
  for (const ColumnSchema& schema : columns) {
    Column& column = batch.column(batch.add_column(schema.name, schema.kind, schema.role));
    column.behaviour = schema.behaviour;
    if (schema.kind == wire::ColumnKind::histogram) {
      column.bounds = histogram_bounds();
    }
  }
}

}  // namespace

std::vector<ColumnSchema> RowDecoder::columns() const {
  std::vector<ColumnSchema> all;
  all.reserve(row_.fields.size());
  for (const Field& field : row_.fields) {
    all.push_back(
        {field.name, field.column_kind(), wire::ColumnRole::field, wire::Behaviour::gauge});
  }
  return all;
}

Batch RowDecoder::begin() const {
  Batch batch;
  add_columns(batch, columns());
  return batch;
}

void RowDecoder::append(Batch& batch, Bytes row) const {
  for (std::size_t i = 0; i < row_.fields.size(); ++i) {
    append_field(row_.fields[i], batch.column(i), row);
  }
}

bool RowDecoder::append_all(Batch& batch, Bytes rows) const {
  for (; rows.size() >= row_.size; rows = rows.subspan(row_.size)) {
    append(batch, rows);
  }
  return rows.empty();
}

MapDecoder::MapDecoder(Layout key, Layout value, std::size_t idle_reads)
    : key_(std::move(key)), value_(std::move(value)), idle_reads_(idle_reads) {
  histograms_ = static_cast<std::size_t>(
      std::ranges::count(value_.fields, FieldKind::histogram, &Field::kind));
}

std::vector<ColumnSchema> MapDecoder::columns() const {
  std::vector<ColumnSchema> all;
  all.reserve(key_.fields.size() + value_.fields.size());
  for (const Field& field : key_.fields) {
    all.push_back({field.name, field.column_kind(), wire::ColumnRole::key, wire::Behaviour::gauge});
  }
  for (const Field& field : value_.fields) {
    const bool counts = field.kind == FieldKind::histogram ||
                        (field.kind == FieldKind::integer && field.size == sizeof(std::uint64_t));
    all.push_back({field.name, field.column_kind(), wire::ColumnRole::field,
                   counts ? wire::Behaviour::counter : wire::Behaviour::gauge});
  }
  return all;
}

/// Calls `use(value)` for each CPU's value.
template <class Use>
void MapDecoder::for_each_cpu(Bytes values, Use use) const {
  for (; values.size() >= value_.size;
       values = values.subspan(std::min(value_stride(), values.size()))) {
    use(values);
  }
}

void MapDecoder::begin(std::uint32_t ended_window) {
  ended_window_ = ended_window;
  batch_ = Batch{};
  add_columns(batch_, columns());
  idle_keys_.clear();
  for (auto& [key, row] : rows_) {
    row.seen = false;
  }
}

bool MapDecoder::is_idle(Row& row, Bytes values) const {
  const std::uint64_t fingerprint = fingerprint_of(values);
  row.unchanged = fingerprint == row.fingerprint ? row.unchanged + 1 : 0;
  row.fingerprint = fingerprint;
  return row.unchanged >= idle_reads_;
}

void MapDecoder::add(Bytes key, Bytes values) {
  std::string name{reinterpret_cast<const char*>(key.data()), key_.size};
  Row& row = rows_[name];
  if (row.seen) {
    return;  // a bucket that changed under the batched lookup is told twice
  }
  if (is_idle(row, values)) {
    idle_keys_.push_back(std::move(name));
    return;
  }
  row.seen = true;
  row.counts.resize(histograms_ * histogram_slots);
  std::size_t index = 0;
  for (const Field& field : key_.fields) {
    append_field(field, batch_.column(index++), key);
  }
  std::uint64_t* counts = row.counts.data();
  for (const Field& field : value_.fields) {
    append_value(field, batch_.column(index++), values, counts);
    if (field.kind == FieldKind::histogram) {
      counts += histogram_slots;
    }
  }
}

Batch MapDecoder::finish() {
  std::erase_if(rows_, [](const auto& entry) { return !entry.second.seen; });
  return std::move(batch_);
}

/// Counters add up; what is narrower is a state, of which the largest stands for all CPUs.
std::uint64_t MapDecoder::merge_integer(const Field& field, Bytes values) const {
  const bool adds_up = field.size == sizeof(std::uint64_t);
  std::uint64_t total = 0;
  for_each_cpu(values, [&](Bytes value) {
    const std::uint64_t one = load_integer(value, field);
    total = adds_up ? total + one : std::max(total, one);
  });
  return total;
}

std::uint64_t MapDecoder::merge_maximum(const Field& field, Bytes values) const {
  std::uint64_t largest = 0;
  for_each_cpu(values, [&](Bytes value) {
    const auto raw = load<RawMaximum>(value, field.offset);
    if (is_valid_window(raw.window)) {
      largest = std::max(largest, raw.value);
    }
  });
  return largest;
}

Bytes MapDecoder::first_set(const Field& field, Bytes values) const {
  Bytes first = values;
  bool found = false;
  for_each_cpu(values, [&](Bytes value) {
    if (!found && value[field.offset] != std::byte{0}) {
      first = value;
      found = true;
    }
  });
  return first;
}

void MapDecoder::append_value(const Field& field, Column& column, Bytes values,
                              std::uint64_t* counts) const {
  switch (field.kind) {
    case FieldKind::integer:
      column.add(merge_integer(field, values));
      break;
    case FieldKind::window_max:
      column.add(merge_maximum(field, values));
      break;
    case FieldKind::text:
    case FieldKind::address:
      append_field(field, column, first_set(field, values));
      break;
    case FieldKind::histogram:
      column.add(merge_histogram(field, values, counts));
      break;
  }
}

Histogram MapDecoder::merge_histogram(const Field& field, Bytes values,
                                      std::uint64_t* counts) const {
  std::array<std::uint32_t, histogram_slots> slots{};
  std::uint64_t sum = 0;
  std::uint64_t maximum = 0;
  for_each_cpu(values, [&](Bytes value) {
    const auto raw = load<RawHistogram>(value, field.offset);
    sum += raw.sum;
    if (is_valid_window(raw.window)) {
      maximum = std::max(maximum, raw.maximum);
    }
    for (std::size_t i = 0; i < histogram_slots; ++i) {
      slots[i] += raw.slots[i];
    }
  });
  for (std::size_t i = 0; i < histogram_slots; ++i) {
    counts[i] += static_cast<std::uint32_t>(slots[i] - static_cast<std::uint32_t>(counts[i]));
  }
  return {
      {counts, counts + histogram_slots}, static_cast<double>(sum), static_cast<double>(maximum)};
}

}  // namespace gala::bpf
