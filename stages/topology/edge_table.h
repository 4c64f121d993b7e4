// Finds the position of each edge: a flat hash table, since a million nodes have many millions of
// edges.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace gala::topology {

/// Identifies an edge: its kind and the positions of its ends.
struct EdgeKey {
  std::uint32_t kind = 0;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  friend auto operator<=>(const EdgeKey&, const EdgeKey&) = default;
};

struct EdgeKeyHash {
  std::size_t operator()(const EdgeKey& key) const;
};

/// Open addressing with linear probing. Removing an entry closes the hole, so there are no
/// tombstones. About 6 to 11 bytes an edge. The caller keeps the keys and answers for them.
class EdgeTable {
 public:
  /// `key_at(position)` gives the key of an entry, for all entries in the table.
  template <class KeyAt>
  [[nodiscard]] std::optional<std::uint32_t> find(const EdgeKey& key, const KeyAt& key_at) const {
    if (slots_.empty()) {
      return std::nullopt;
    }
    for (std::size_t slot = home(key); slots_[slot] != empty; slot = next(slot)) {
      if (key_at(slots_[slot]) == key) {
        return slots_[slot];
      }
    }
    return std::nullopt;
  }

  /// Requires: no entry has this key.
  template <class KeyAt>
  void insert(std::uint32_t position, const KeyAt& key_at) {
    if ((size_ + 1) * 3 > slots_.size() * 2) {
      grow(key_at);
    }
    place(position, key_at);
    ++size_;
  }

  /// Requires: an entry has this key.
  template <class KeyAt>
  void erase(const EdgeKey& key, const KeyAt& key_at) {
    std::size_t hole = home(key);
    while (key_at(slots_[hole]) != key) {
      hole = next(hole);
    }
    // Moves an entry here that would have stood in the hole.
    for (std::size_t slot = next(hole); slots_[slot] != empty; slot = next(slot)) {
      const std::size_t wanted = home(key_at(slots_[slot]));
      const std::size_t mask = slots_.size() - 1;
      if (((slot - wanted) & mask) >= ((slot - hole) & mask)) {
        slots_[hole] = slots_[slot];
        hole = slot;
      }
    }
    slots_[hole] = empty;
    --size_;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t empty = 0xFFFFFFFF;

  [[nodiscard]] std::size_t home(const EdgeKey& key) const {
    return EdgeKeyHash{}(key) & (slots_.size() - 1);
  }
  [[nodiscard]] std::size_t next(std::size_t slot) const {
    return (slot + 1) & (slots_.size() - 1);
  }
  template <class KeyAt>
  void place(std::uint32_t position, const KeyAt& key_at) {
    std::size_t slot = home(key_at(position));
    while (slots_[slot] != empty) {
      slot = next(slot);
    }
    slots_[slot] = position;
  }
  template <class KeyAt>
  void grow(const KeyAt& key_at) {
    constexpr std::size_t least = 64;
    const std::vector<std::uint32_t> old(std::exchange(
        slots_, std::vector<std::uint32_t>(std::max(least, slots_.size() * 2), empty)));
    for (const std::uint32_t position : old) {
      if (position != empty) {
        place(position, key_at);
      }
    }
  }

  std::vector<std::uint32_t> slots_;
  std::size_t size_ = 0;
};

}  // namespace gala::topology
