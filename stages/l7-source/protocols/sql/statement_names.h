// Prepared statements of one connection: what their short names stand for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gala::l7_source {

/// Holds at most `most` shapes: where one more comes, the one that was not used for longest goes.
/// About 25 KB when full.
class StatementNames {
 public:
  static constexpr std::size_t most = 128;

  void remember(std::uint64_t id, std::string shape) {
    forget(id);
    if (entries_.size() == most) {
      entries_.erase(entries_.begin());
    }
    entries_.emplace_back(id, std::move(shape));
  }

  void forget(std::uint64_t id) {
    std::erase_if(entries_, [id](const Entry& entry) { return entry.first == id; });
  }

  /// "" = unknown. Valid until the next call.
  std::string_view find(std::uint64_t id) {
    const auto found = std::ranges::find(entries_, id, &Entry::first);
    if (found == entries_.end()) {
      return {};
    }
    std::rotate(found, found + 1, entries_.end());
    return entries_.back().second;
  }

 private:
  using Entry = std::pair<std::uint64_t, std::string>;
  /// The one that was used last is the last.
  std::vector<Entry> entries_;
};

}  // namespace gala::l7_source
