// Applies snapshots and deltas; forgets what ended.
#include "runtime/topology/replica.h"

#include <algorithm>
#include <utility>

#include "runtime/core/wire.h"

namespace gala {
namespace {

constexpr std::size_t most_kinds = 256;
constexpr std::size_t most_types = 1024;
constexpr std::size_t most_label_names = 4096;
constexpr std::size_t most_entity_bytes = 65'535;

std::unique_ptr<char[]> copy_of(std::string_view text) {
  auto copy = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), copy.get());
  return copy;
}

}  // namespace

Replica::Replica(Options options)
    : options_(std::move(options)),
      kinds_(most_kinds),
      types_(most_types),
      label_names_(most_label_names) {
  options_.entity_bytes = std::min(options_.entity_bytes, most_entity_bytes);
  for (const std::string& type : options_.unrelated) {
    types_.number(type);
  }
  unrelated_types_ = types_.size();
}

std::optional<Replica::Index> Replica::find(std::string_view id) const {
  const auto found = index_of_.find(id);
  return found == index_of_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Replica::Kind> Replica::find_kind(std::string_view word) const {
  const auto number = kinds_.find(word);
  return number ? std::optional(static_cast<Kind>(*number)) : std::nullopt;
}

Replica::Node Replica::node(Index index) const {
  const Slot& slot = slots_[index];
  const std::string_view rest(slot.rest.get(), slot.rest_size);
  const std::size_t labels_at = slot.machine_in_id ? 0 : slot.machine_size;
  return {id_of(slot),
          types_.text(slot.type),
          (slot.machine_in_id ? id_of(slot) : rest).substr(0, slot.machine_size),
          {label_names_, rest.substr(labels_at)}};
}

Replica::Index Replica::place(std::string_view id) {
  Index index = 0;
  if (free_.empty()) {
    index = static_cast<Index>(slots_.size());
    slots_.emplace_back();
    links_.grow_to(slots_.size());
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.id = copy_of(id);
  slot.id_size = static_cast<std::uint16_t>(id.size());
  slot.known = true;
  index_of_.emplace(id_of(slot), index);
  return index;
}

void Replica::describe(Slot& slot, const wire::Node& message) {
  const std::string_view machine = text_of(message.machine_id());
  slot.machine_in_id = id_of(slot).starts_with(machine);
  slot.machine_size = static_cast<std::uint16_t>(machine.size());
  scratch_.clear();
  if (!slot.machine_in_id) {
    scratch_ = machine;
  }
  if (options_.labels) {
    counts_.labels_beyond +=
        pack_labels(message.labels(), label_names_, options_.entity_bytes - slot.id_size, scratch_);
  }
  // Most snapshots say again what is known.
  if (scratch_ != std::string_view(slot.rest.get(), slot.rest_size)) {
    slot.rest = copy_of(scratch_);
    slot.rest_size = static_cast<std::uint16_t>(scratch_.size());
  }
}

std::optional<Replica::Index> Replica::upsert(const wire::Node& message) {
  const std::string_view id = text_of(message.entity_id());
  const std::size_t bytes = id.size() + text_of(message.machine_id()).size();
  if (id.empty() || bytes > options_.entity_bytes) {
    ++counts_.bad_entities;
    return std::nullopt;
  }
  const auto type = types_.number(text_of(message.entity()));
  if (!type) {
    ++counts_.words_beyond;
    return std::nullopt;
  }
  auto index = find(id);
  if (!index) {
    if (index_of_.size() >= options_.entities) {
      ++counts_.entities_beyond;
      return std::nullopt;
    }
    index = place(id);
  }
  Slot& slot = slots_[*index];
  describe(slot, message);
  slot.type = *type;
  slot.turn = turn_;
  if (std::exchange(slot.ended, false)) {
    ended_entities_.remove(*index);
  }
  return index;
}

void Replica::relate(const RelationKey& key) {
  if (slots_[key.from].type < unrelated_types_ || slots_[key.to].type < unrelated_types_) {
    return;
  }
  if (const auto place = links_.find(key)) {
    const Link& link = links_.at(*place);
    if (link.ended) {
      ended_relations_.remove(key);
    } else if (link.turn == turn_) {
      ++counts_.repeated;
    }
    links_.mark(*place, false, turn_);
  } else if (links_.size() >= options_.relations) {
    ++counts_.relations_beyond;
  } else {
    links_.add(key, turn_);
  }
}

void Replica::relate_all(const wire::TopologySnapshot& snapshot,
                         const std::vector<std::optional<Index>>& places) {
  if (snapshot.edges() == nullptr) {
    return;
  }
  std::vector<std::optional<Words::Number>> kinds;
  if (snapshot.kinds() != nullptr) {
    for (const flatbuffers::String* kind : *snapshot.kinds()) {
      kinds.push_back(kinds_.number(text_of(kind)));
    }
  }
  for (const wire::EdgeIndex* edge : *snapshot.edges()) {
    if (edge->kind() >= kinds.size() || edge->from() >= places.size() ||
        edge->to() >= places.size() || !places[edge->from()] || !places[edge->to()]) {
      ++counts_.loose_relations;
    } else if (!kinds[edge->kind()]) {
      ++counts_.words_beyond;
    } else {
      relate({*kinds[edge->kind()], *places[edge->from()], *places[edge->to()]});
    }
  }
}

void Replica::apply(const wire::TopologySnapshot& snapshot, BootTime now) {
  counts_.restarts += counts_.snapshots > 0 && snapshot.version() != version_ + 1 ? 1 : 0;
  ++counts_.snapshots;
  ++revision_;
  turn_ = !turn_;
  version_ = snapshot.version();
  complete_ = true;
  if (options_.linger == Duration{0}) {
    links_.clear();
  }
  std::vector<std::optional<Index>> places;
  if (snapshot.nodes() != nullptr) {
    places.reserve(snapshot.nodes()->size());
    for (const wire::Node* node : *snapshot.nodes()) {
      places.push_back(upsert(*node));
    }
  }
  relate_all(snapshot, places);
  const auto taken = places.size() - static_cast<std::size_t>(
                                         std::count(places.begin(), places.end(), std::nullopt));
  counts_.repeated += taken - end_unseen(now);
}

std::size_t Replica::end_unseen(BootTime now) {
  // Without linger there is no such relation: they were all put anew.
  for (Index index = 0; options_.linger > Duration{0} && index < slots_.size(); ++index) {
    for (std::uint32_t at = 0; at < links_.of(index).size(); ++at) {
      const Link& link = links_.of(index)[at];
      if (link.forward && !link.ended && link.turn != turn_) {
        end_relation({index, at}, now);
      }
    }
  }
  std::size_t seen = 0;
  for (Index index = 0; index < slots_.size(); ++index) {
    const Slot& slot = slots_[index];
    if (slot.known && !slot.ended) {
      if (slot.turn == turn_) {
        ++seen;
      } else {
        end_entity(index, now);
      }
    }
  }
  return seen;
}

void Replica::end_entity(Index index, BootTime now) {
  if (options_.linger == Duration{0}) {
    forget_entity(index);
  } else if (!std::exchange(slots_[index].ended, true)) {
    ended_entities_.add(index, now);
  }
}

void Replica::end_relation(LinkPlace place, BootTime now) {
  const Link& link = links_.at(place);
  if (options_.linger == Duration{0}) {
    forget_relation(place);
  } else if (!link.ended) {
    ended_relations_.add({link.kind, place.from, link.other}, now);
    links_.mark(place, true, link.turn);
  }
}

void Replica::forget_relation(LinkPlace place) {
  const Link& link = links_.at(place);
  if (link.ended) {
    ended_relations_.remove({link.kind, place.from, link.other});
  }
  links_.drop(place);
}

void Replica::forget_entity(Index index) {
  while (!links_.of(index).empty()) {
    const auto last = static_cast<std::uint32_t>(links_.of(index).size() - 1);
    const Link& link = links_.of(index).back();
    forget_relation(link.forward ? LinkPlace{index, last} : LinkPlace{link.other, link.twin});
  }
  links_.release(index);
  if (slots_[index].ended) {
    ended_entities_.remove(index);
  }
  index_of_.erase(id_of(slots_[index]));
  slots_[index] = Slot{};
  free_.push_back(index);
}

std::optional<RelationKey> Replica::key_of(const wire::Edge& edge,
                                           std::optional<Words::Number> kind) const {
  const auto from = find(text_of(edge.from()));
  const auto to = find(text_of(edge.to()));
  return kind && from && to ? std::optional(RelationKey{*kind, *from, *to}) : std::nullopt;
}

void Replica::remove(const wire::TopologyDelta& delta, BootTime now) {
  if (delta.removed_edges() != nullptr) {
    for (const wire::Edge* edge : *delta.removed_edges()) {
      const auto key = key_of(*edge, kinds_.find(text_of(edge->kind())));
      const auto place = key ? links_.find(*key) : std::nullopt;
      if (place) {
        end_relation(*place, now);
      } else {
        ++counts_.unknown_ends;
      }
    }
  }
  if (delta.removed_nodes() != nullptr) {
    for (const flatbuffers::String* id : *delta.removed_nodes()) {
      if (const auto index = find(text_of(id))) {
        end_entity(*index, now);
      } else {
        ++counts_.unknown_ends;
      }
    }
  }
}

void Replica::add(const wire::TopologyDelta& delta) {
  if (delta.added_nodes() != nullptr) {
    for (const wire::Node* node : *delta.added_nodes()) {
      upsert(*node);
    }
  }
  if (delta.added_edges() != nullptr) {
    for (const wire::Edge* edge : *delta.added_edges()) {
      const auto kind = kinds_.number(text_of(edge->kind()));
      if (const auto key = key_of(*edge, kind)) {
        relate(*key);
      } else if (!kind) {
        ++counts_.words_beyond;
      } else {
        ++counts_.loose_relations;
      }
    }
  }
}

void Replica::apply(const wire::TopologyDelta& delta, BootTime now) {
  ++counts_.deltas;
  const bool follows = delta.version() == version_ + 1;
  const bool began = counts_.snapshots > 0 || revision_ > 0;
  counts_.gaps += began && !follows ? 1 : 0;
  complete_ = complete_ && follows;
  version_ = delta.version();
  if (!complete_ && !options_.apply_after_gap) {
    ++counts_.skipped;
    return;
  }
  ++revision_;
  remove(delta, now);
  add(delta);
}

void Replica::forget(BootTime now) {
  const BootTime before = now - options_.linger;
  while (const auto key = ended_relations_.take_before(before)) {
    forget_relation(*links_.find(*key));
  }
  while (const auto index = ended_entities_.take_before(before)) {
    forget_entity(*index);
  }
}

}  // namespace gala
