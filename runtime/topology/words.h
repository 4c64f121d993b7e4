// Words that repeat in every message: each is kept once and has a number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace gala {

/// Names of relations, entity types and labels. They come from the model, so there are few of them
/// and none is ever forgotten; what a hostile message adds ends at the limit.
class Words {
 public:
  using Number = std::uint16_t;

  /// Requires: `limit` is at most 65,536.
  explicit Words(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] std::optional<Number> find(std::string_view word) const;
  /// The number of `word`, which is added when it is new; nullopt when it is beyond the limit.
  std::optional<Number> number(std::string_view word);
  /// Valid as long as this object. Requires: `number` is below size().
  [[nodiscard]] std::string_view text(Number number) const { return texts_[number]; }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  std::size_t limit_;
  std::deque<std::string> texts_;
  std::unordered_map<std::string_view, Number> numbers_;
};

}  // namespace gala
