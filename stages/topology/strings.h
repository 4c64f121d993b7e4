// Interned attribute values: equal texts are equal numbers, so that joins compare numbers.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gala::topology {

/// A text of a StringPool; equal ids are equal texts.
using StringId = std::uint32_t;
/// The empty text: an attribute that is not known.
inline constexpr StringId no_string = 0;

/// Reference-counted texts. The pool forgets a text that nobody holds, so churn does not grow it.
class StringPool {
 public:
  /// The id of `text`; the caller holds it once more.
  StringId acquire(std::string_view text);
  /// Holds `id` once more.
  void retain(StringId id);
  /// Releases one hold.
  void release(StringId id);

  /// Valid until the last hold is released. Requires: `id` is held.
  [[nodiscard]] std::string_view text(StringId id) const { return entries_[id].text; }
  /// Held texts, without the empty one.
  [[nodiscard]] std::size_t size() const { return ids_.size(); }
  /// All ids are below this.
  [[nodiscard]] std::size_t positions() const { return entries_.size(); }

 private:
  struct Entry {
    std::string text;
    std::uint32_t holds = 0;
  };

  std::deque<Entry> entries_ = std::deque<Entry>(1);
  std::unordered_map<std::string_view, StringId> ids_;
  std::vector<StringId> free_;
};

}  // namespace gala::topology
