// The ring tables of a probe.
#include "runtime/bpf/rings.h"

#include <cerrno>
#include <utility>

namespace gala::bpf {

int Rings::take(void* context, void* data, std::size_t size) {
  auto* table = static_cast<Table*>(context);
  if (size < table->decoder.row_size()) {
    ++table->short_rows;
    return 0;
  }
  table->decoder.append(table->batch, {static_cast<const std::byte*>(data), size});
  return 0;
}

int Rings::take_raw(void* context, void* data, std::size_t size) {
  auto* raw = static_cast<Raw*>(context);
  if (size < raw->least_size) {
    ++raw->short_records;
    return 0;
  }
  raw->take({static_cast<const std::byte*>(data), size});
  return 0;
}

Result<> Rings::add(std::string table, int map, RowDecoder decoder) {
  Batch empty = decoder.begin();
  const auto& added = tables_.emplace_back(
      std::make_unique<Table>(Table{std::move(table), std::move(decoder), std::move(empty)}));
  return attach(map, take, added.get());
}

Result<> Rings::add_raw(int map, std::size_t least_size, RecordTaker taker) {
  const auto& added = raw_.emplace_back(std::make_unique<Raw>(Raw{least_size, std::move(taker)}));
  return attach(map, take_raw, added.get());
}

Result<> Rings::attach(int map, ring_buffer_sample_fn taker, void* context) {
  if (ring_ == nullptr) {
    ring_.reset(ring_buffer__new(map, taker, context, nullptr));
    return ring_ == nullptr ? Result<>{tl::unexpected(system_error("cannot map a ring", errno))}
                            : Result<>{};
  }
  const int error = ring_buffer__add(ring_.get(), map, taker, context);
  return error == 0 ? Result<>{} : tl::unexpected(system_error("cannot map a ring", -error));
}

int Rings::descriptor() const { return ring_ == nullptr ? -1 : ring_buffer__epoll_fd(ring_.get()); }

Result<std::vector<TableRows>> Rings::consume() {
  std::vector<TableRows> all;
  if (ring_ == nullptr) {
    return all;
  }
  const int got = ring_buffer__consume(ring_.get());
  if (got < 0) {
    return tl::unexpected(system_error("cannot read the rings", -got));
  }
  for (const auto& table : tables_) {
    if (table->batch.rows() > 0) {
      all.push_back({table->name, std::exchange(table->batch, table->decoder.begin())});
    }
  }
  return all;
}

std::uint64_t Rings::short_rows() const {
  std::uint64_t all = 0;
  for (const auto& table : tables_) {
    all += table->short_rows;
  }
  for (const auto& raw : raw_) {
    all += raw->short_records;
  }
  return all;
}

}  // namespace gala::bpf
