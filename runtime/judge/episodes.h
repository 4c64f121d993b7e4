// Remembers when each abnormal (entity, metric) began, so that all checks of one metric report one
// event.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/core/time.h"

namespace gala {

/// Hashes a string and a view of it alike.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

/// A map by entity id, searched without a copy of the id.
template <class Value>
using MapById = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

/// The open events of one metric of one entity type. Holds only what is open.
class Episodes {
 public:
  /// Another check is abnormal on `entity_id`. Returns when the episode began, as its first check
  /// reported it.
  WallTime open(std::string_view entity_id, WallTime began) {
    Episode& episode = open_.try_emplace(std::string(entity_id), Episode{began, 0}).first->second;
    ++episode.checks;
    return episode.began;
  }
  /// Requires: `open` was called for the same check and entity.
  void close(std::string_view entity_id) {
    const auto found = open_.find(entity_id);
    if (found != open_.end() && --found->second.checks == 0) {
      open_.erase(found);
    }
  }
  [[nodiscard]] std::size_t size() const { return open_.size(); }

 private:
  struct Episode {
    WallTime began;
    std::uint32_t checks = 0;
  };
  MapById<Episode> open_;
};

}  // namespace gala
