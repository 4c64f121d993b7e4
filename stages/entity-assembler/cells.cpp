// Prepares columns for loops over rows.
#include "stages/entity-assembler/cells.h"

#include <cmath>
#include <cstdlib>
#include <functional>

namespace gala::entity_assembler {

Cells::Cells(const ColumnView& view) : view_(view) {
  switch (view.kind()) {
    case wire::ColumnKind::integer:
      shape_ = Shape::integers;
      integers_ = view.integers();
      break;
    case wire::ColumnKind::number:
      shape_ = Shape::numbers;
      numbers_ = view.numbers();
      break;
    case wire::ColumnKind::histogram:
      shape_ = Shape::histogram;
      break;
    case wire::ColumnKind::text:
      shape_ = Shape::words;
      codes_ = view.codes();
      words_.reserve(view.word_count());
      word_hashes_.reserve(view.word_count());
      for (std::size_t code = 0; code < view.word_count(); ++code) {
        words_.push_back(view.word(code));
        word_hashes_.push_back(std::hash<std::string_view>{}(words_.back()));
      }
      break;
  }
}

std::uint64_t Cells::integer(std::size_t row) const {
  constexpr double largest = 18'446'744'073'709'549'568.0;
  if (shape_ == Shape::integers) {
    return integers_[row];
  }
  const double value = number(row);
  return value >= 0 && value <= largest ? static_cast<std::uint64_t>(value) : 0;
}

std::uint64_t Cells::hash_of(const std::string& value) const {
  if (shape_ == Shape::words) {
    return std::hash<std::string_view>{}(value);
  }
  char* end = nullptr;
  if (shape_ == Shape::integers) {
    const std::uint64_t number = std::strtoull(value.c_str(), &end, 10);
    return *end == '\0' ? mix(number + 1) : 0;
  }
  const double number = std::strtod(value.c_str(), &end);
  return *end == '\0' ? mix(std::bit_cast<std::uint64_t>(number)) : 0;
}

std::string Cells::text(std::size_t row) const {
  switch (shape_) {
    case Shape::words:
      return std::string(words_[codes_[row]]);
    case Shape::integers:
      return std::to_string(integers_[row]);
    case Shape::numbers:
      return std::isfinite(numbers_[row]) ? view_.as_text(row) : std::string{};
    case Shape::absent:
    case Shape::histogram:
      break;
  }
  return {};
}

MessageCells::MessageCells(const TableView& view) : rows_(view.rows()) {
  for (const ColumnView& column : view.columns()) {
    columns_.try_emplace(column.name(), column);
  }
}

const Cells& MessageCells::find(std::string_view name) const {
  const auto found = columns_.find(name);
  return found == columns_.end() ? absent_ : found->second;
}

}  // namespace gala::entity_assembler
