// One column of a message for a loop over its rows: values, texts and hashes without per-row
// lookups.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/core/batch.h"

namespace gala::entity_assembler {

/// Spreads the bits of `value` over all 64.
constexpr std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 30;
  value *= 0xbf58476d1ce4e5b9U;
  value ^= value >> 27;
  value *= 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

/// `hash` extended by one more value; order matters.
constexpr std::uint64_t extend(std::uint64_t hash, std::uint64_t value) {
  return mix(hash * 0x9e3779b97f4a7c15U + value + 1);
}

/// Views a column of a verified message; valid as long as the message. A default Cells is absent.
class Cells {
 public:
  Cells() = default;
  explicit Cells(const ColumnView& view);

  [[nodiscard]] bool present() const { return shape_ != Shape::absent; }
  [[nodiscard]] bool is_number() const {
    return shape_ == Shape::integers || shape_ == Shape::numbers;
  }
  [[nodiscard]] bool is_histogram() const { return shape_ == Shape::histogram; }

  /// NaN unless the cell is a measured number.
  [[nodiscard]] double number(std::size_t row) const {
    switch (shape_) {
      case Shape::numbers:
        return numbers_[row];
      case Shape::integers:
        return static_cast<double>(integers_[row]);
      default:
        return not_measured;
    }
  }
  /// 0 unless the cell is a number that fits.
  [[nodiscard]] std::uint64_t integer(std::size_t row) const;
  /// Equal for equal values; 0 when absent.
  [[nodiscard]] std::uint64_t hash(std::size_t row) const {
    switch (shape_) {
      case Shape::words:
        return word_hashes_[codes_[row]];
      case Shape::integers:
        return mix(integers_[row] + 1);
      case Shape::numbers:
        return mix(std::bit_cast<std::uint64_t>(numbers_[row]));
      default:
        return 0;
    }
  }
  /// The hash that a cell with this value (as text) has in this column; 0 when none can have it.
  [[nodiscard]] std::uint64_t hash_of(const std::string& value) const;
  /// Text of a text cell; empty for others.
  [[nodiscard]] std::string_view word(std::size_t row) const {
    return shape_ == Shape::words ? words_[codes_[row]] : std::string_view{};
  }
  /// As it stands in ids and labels; empty when absent or not measured.
  [[nodiscard]] std::string text(std::size_t row) const;
  /// Requires: is_histogram().
  [[nodiscard]] const ColumnView& histogram() const { return view_; }

 private:
  enum class Shape : std::uint8_t { absent, integers, numbers, words, histogram };

  Shape shape_ = Shape::absent;
  std::span<const std::uint64_t> integers_;
  std::span<const double> numbers_;
  std::span<const std::uint32_t> codes_;
  std::vector<std::string_view> words_;
  std::vector<std::uint64_t> word_hashes_;
  ColumnView view_;
};

/// The columns of one message by name, each prepared once however many plans read it.
class MessageCells {
 public:
  explicit MessageCells(const TableView& view);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// An absent Cells when there is no such column.
  [[nodiscard]] const Cells& find(std::string_view name) const;

 private:
  std::size_t rows_ = 0;
  Cells absent_;
  std::unordered_map<std::string_view, Cells> columns_;
};

}  // namespace gala::entity_assembler
