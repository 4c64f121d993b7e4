// The entities of one machine: who is known, since when, with which labels; who ended.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/model/model.h"

namespace gala::entity_assembler {

/// A key or label with its hash, so that columns are dictionary-encoded without hashing again.
struct HashedText {
  std::string text;
  std::uint64_t hash = 0;
};

/// One entity. Slots are reused; `generation` tells the users of a slot apart.
struct EntityState {
  const Entity* type = nullptr;
  std::string id;
  /// Keys, then labels, in the model's order.
  std::vector<HashedText> attributes;
  /// Of entities with the key "tgid"; else 0.
  std::uint64_t tgid = 0;
  std::uint64_t seen_ns = 0;
  std::uint32_t generation = 0;
  bool alive = false;
};

/// Names an entity as long as it lives.
struct EntityHandle {
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  std::uint32_t slot = none;
  std::uint32_t generation = 0;
};

/// Bounded: when full, the entities that were not seen longest make room; when all were just seen,
/// a new one is refused.
class Registry {
 public:
  explicit Registry(std::size_t most) : most_(most) {}

  /// The entity with this id, made when new; nothing when there is no room.
  std::optional<EntityHandle> find_or_add(const Entity& type, std::string id, std::uint64_t tgid,
                                          std::uint64_t seen_ns);
  [[nodiscard]] EntityState& at(EntityHandle handle) { return slots_[handle.slot]; }
  [[nodiscard]] bool alive(EntityHandle handle) const {
    return handle.slot < slots_.size() && slots_[handle.slot].generation == handle.generation &&
           slots_[handle.slot].alive;
  }
  void touch(EntityHandle handle, std::uint64_t seen_ns) { slots_[handle.slot].seen_ns = seen_ns; }
  /// Slots in use or free: indexes stay below.
  [[nodiscard]] std::size_t slots() const { return slots_.size(); }

  /// Ends every entity whose key "tgid" is this process.
  void end_process(std::uint64_t tgid);
  /// Ends what was not seen for its type's `expire`.
  void expire(std::uint64_t now_ns);
  void end_all();

  /// Ids that ended since the last call, by entity type.
  std::map<std::string_view, std::vector<std::string>> take_ended();
  /// Entities alive by type.
  [[nodiscard]] const std::map<std::string_view, std::size_t>& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

 private:
  void end(std::uint32_t slot);
  bool make_room(std::uint64_t seen_ns);

  std::size_t most_;
  std::size_t alive_ = 0;
  std::vector<EntityState> slots_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::string, std::uint32_t> by_id_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_process_;
  std::map<std::string_view, std::vector<std::string>> ended_;
  std::map<std::string_view, std::size_t> counts_;
  std::uint64_t evicted_ = 0;
};

}  // namespace gala::entity_assembler
