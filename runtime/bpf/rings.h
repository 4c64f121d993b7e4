// The ring tables of a probe: what its programs have told since the last look.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/bpf/decoder.h"
#include "runtime/bpf/libbpf.h"
#include "runtime/core/result.h"

namespace gala::bpf {

class Rings {
 public:
  /// Records of the ring with descriptor `map` become rows of `table`.
  Result<> add(std::string table, int map, RowDecoder decoder);
  /// Records of that ring go to `take`, during consume(); they have at least `least_size` bytes.
  Result<> add_raw(int map, std::size_t least_size, RecordTaker take);

  /// Readable when there are rows; −1 without a ring.
  [[nodiscard]] int descriptor() const;
  /// What the rings hold; only tables with rows.
  Result<std::vector<TableRows>> consume();
  /// Records that were too short to be a row, since the start.
  [[nodiscard]] std::uint64_t short_rows() const;

 private:
  struct Table {
    std::string name;
    RowDecoder decoder;
    Batch batch;
    std::uint64_t short_rows = 0;
  };
  struct Raw {
    std::size_t least_size = 0;
    RecordTaker take;
    std::uint64_t short_records = 0;
  };
  static int take(void* context, void* data, std::size_t size);
  static int take_raw(void* context, void* data, std::size_t size);
  Result<> attach(int map, ring_buffer_sample_fn taker, void* context);

  std::vector<std::unique_ptr<Table>> tables_;
  std::vector<std::unique_ptr<Raw>> raw_;
  Ring ring_;
};

}  // namespace gala::bpf
