// Entities come, age and go.
#include "stages/entity-assembler/registry.h"

#include <algorithm>

namespace gala::entity_assembler {

std::optional<EntityHandle> Registry::find_or_add(const Entity& type, std::string id,
                                                  std::uint64_t tgid, std::uint64_t seen_ns) {
  if (const auto found = by_id_.find(id); found != by_id_.end()) {
    return EntityHandle{found->second, slots_[found->second].generation};
  }
  if (alive_ >= most_ && !make_room(seen_ns)) {
    return std::nullopt;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  EntityState& state = slots_[slot];
  state.type = &type;
  state.id = std::move(id);
  state.attributes.assign(type.keys.size() + type.labels.size(), HashedText{});
  state.tgid = tgid;
  state.seen_ns = seen_ns;
  state.alive = true;
  by_id_.emplace(state.id, slot);
  if (tgid != 0) {
    by_process_[tgid].push_back(slot);
  }
  ++counts_[type.name];
  ++alive_;
  return EntityHandle{slot, state.generation};
}

void Registry::end(std::uint32_t slot) {
  EntityState& state = slots_[slot];
  if (!state.alive) {
    return;
  }
  by_id_.erase(state.id);
  if (const auto process = by_process_.find(state.tgid); process != by_process_.end()) {
    std::erase(process->second, slot);
    if (process->second.empty()) {
      by_process_.erase(process);
    }
  }
  ended_[state.type->name].push_back(std::move(state.id));
  --counts_[state.type->name];
  --alive_;
  state.alive = false;
  ++state.generation;
  state.id.clear();
  state.attributes.clear();
  free_.push_back(slot);
}

void Registry::end_process(std::uint64_t tgid) {
  const auto process = by_process_.find(tgid);
  if (tgid == 0 || process == by_process_.end()) {
    return;
  }
  const std::vector<std::uint32_t> slots = process->second;
  for (const std::uint32_t slot : slots) {
    end(slot);
  }
}

void Registry::expire(std::uint64_t now_ns) {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const EntityState& state = slots_[slot];
    if (state.alive &&
        state.seen_ns + static_cast<std::uint64_t>(state.type->expire.count()) < now_ns) {
      end(slot);
    }
  }
}

void Registry::end_all() {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].alive) {
      end(slot);
    }
  }
}

bool Registry::make_room(std::uint64_t seen_ns) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> idle;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].alive && slots_[slot].seen_ns < seen_ns) {
      idle.emplace_back(slots_[slot].seen_ns, slot);
    }
  }
  // A tenth at once: the search costs a pass over all.
  const std::size_t count = std::min(idle.size(), most_ / 10 + 1);
  std::ranges::nth_element(idle,
                           idle.begin() + static_cast<std::ptrdiff_t>(count == 0 ? 0 : count - 1));
  for (std::size_t i = 0; i < count; ++i) {
    end(idle[i].second);
  }
  evicted_ += count;
  return count > 0;
}

std::map<std::string_view, std::vector<std::string>> Registry::take_ended() {
  return std::exchange(ended_, {});
}

}  // namespace gala::entity_assembler
