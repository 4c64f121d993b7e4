// Numbers for words.
#include "runtime/topology/words.h"

namespace gala {

std::optional<Words::Number> Words::find(std::string_view word) const {
  const auto found = numbers_.find(word);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Words::Number> Words::number(std::string_view word) {
  if (const auto known = find(word)) {
    return known;
  }
  if (texts_.size() >= limit_) {
    return std::nullopt;
  }
  const auto fresh = static_cast<Number>(texts_.size());
  numbers_.emplace(texts_.emplace_back(word), fresh);
  return fresh;
}

}  // namespace gala
