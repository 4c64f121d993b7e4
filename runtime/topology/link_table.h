// The relations of all entities, at both of their ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace gala {

/// What identifies a relation: its word's number and the positions of its ends.
struct RelationKey {
  std::uint32_t kind = 0;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  friend bool operator==(const RelationKey&, const RelationKey&) = default;
};

struct RelationKeyHash {
  std::size_t operator()(const RelationKey& key) const;
};

/// A relation as one of its ends has it.
struct Link {
  /// The entity at the other end.
  std::uint32_t other = 0;
  /// Where the other end has the same relation among its links.
  std::uint32_t twin = 0;
  std::uint8_t kind = 0;
  /// This end is the `from` of the relation.
  bool forward = true;
  /// It is over and lingers.
  bool ended = false;
  /// Turn of the snapshot that last had it.
  bool turn = false;
};
static_assert(sizeof(Link) == 12, "A relation costs two of these.");

/// Where a relation stands: at its `from`, and there among the links. Valid until the next change.
struct LinkPlace {
  std::uint32_t from = 0;
  std::uint32_t place = 0;
};

/// Links of each position. Finding costs the smaller number of links of the two ends; all else
/// costs the same whatever they are, so a host with all its processes is no worse than a process. A
/// drop puts the last link of an end into the gap; nothing else changes the order.
class LinkTable {
 public:
  /// Requires of all below: positions are less than this.
  void grow_to(std::size_t positions) { links_.resize(positions); }

  [[nodiscard]] std::span<const Link> of(std::uint32_t position) const { return links_[position]; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::optional<LinkPlace> find(const RelationKey& key) const;
  [[nodiscard]] const Link& at(LinkPlace place) const { return links_[place.from][place.place]; }

  /// Requires: the table does not have it, and `key.kind` is below 256.
  void add(const RelationKey& key, bool turn);
  void mark(LinkPlace place, bool ended, bool turn);
  void drop(LinkPlace place);
  void clear();
  /// Gives back the memory of a position. Requires: it has no links.
  void release(std::uint32_t position) { links_[position] = {}; }

 private:
  std::uint32_t push(std::uint32_t position, const Link& link);
  void remove(std::uint32_t position, std::uint32_t place);

  std::deque<std::vector<Link>> links_;
  std::size_t size_ = 0;
};

}  // namespace gala
