// One bounded copy of the topology, kept from snapshots and deltas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/core/time.h"
#include "runtime/topology/ended_queue.h"
#include "runtime/topology/labels.h"
#include "runtime/topology/link_table.h"
#include "runtime/topology/words.h"
#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala {

/// Which entities there are and how they hang together, as one producer tells it: every consumer of
/// the topology has one of these, and keeps its searches to itself.
///
/// Order of calls: apply() each message as it comes, forget() with every tick. A snapshot replaces
/// what is known. A delta applies on top of the version before it; where one is missing, the copy
/// is not complete() until the next snapshot. Messages must have passed the Verifier; beyond that
/// they may say anything: what does not fit or makes no sense is left out and counted.
///
/// Owns all that it answers with: views and spans are valid until the next apply(), forget() or
/// move. An index stays with its entity until that is forgotten, also over snapshots; then it is
/// used again. Not for two threads. Two producers need two replicas: in one, each snapshot ends
/// what the other has, which `restarts` and `gaps` count.
///
/// Memory, bounded by the limits: an entity costs about 150 bytes with an id of usual length, and
/// for each label its value and four bytes; a relation costs 24 to 36 bytes. Time: a message costs
/// what it says, and for each relation the smaller number of links of its two ends.
class Replica {
 public:
  using Index = std::uint32_t;
  using Kind = std::uint8_t;
  using Type = Words::Number;

  struct Options {
    /// At most; those that ended and linger among them. What is beyond is left out and counted.
    std::size_t entities = 1'000'000;
    std::size_t relations = 5'000'000;
    /// Id, machine and labels of one entity. Below 65,536.
    std::size_t entity_bytes = std::size_t{16} * 1024;
    /// What ended stays that long, for those who ask what was there a moment ago. 0: it goes at
    /// once, and a snapshot puts the relations of each entity in its own order.
    Duration linger{0};
    bool labels = true;
    /// After a gap: take what deltas say in spite of it, rather than keep what was right before it.
    bool apply_after_gap = false;
    /// Types of entities whose relations are not kept (hosts, for a consumer that walks past them).
    // GCC 12 wants the initializer where others of these options are named.
    std::vector<std::string> unrelated = {};  // NOLINT(readability-redundant-member-init)
  };

  /// An entity. A view, see above.
  struct Node {
    std::string_view id;
    std::string_view entity;
    std::string_view machine;
    Labels labels;

    /// "" when there is none.
    [[nodiscard]] std::string_view label(std::string_view name) const { return labels.value(name); }
  };

  struct Counts {
    std::uint64_t snapshots = 0;
    std::uint64_t deltas = 0;
    /// Deltas that did not follow the version before.
    std::uint64_t gaps = 0;
    /// Deltas left out since a gap, or before the first snapshot.
    std::uint64_t skipped = 0;
    /// Snapshots that did not follow: the producer began anew, or another one sends, too.
    std::uint64_t restarts = 0;

    /// Left out: entities without an id or too large; beyond `entities`; relations beyond
    /// `relations`; between what is not known; entities and relations of words beyond the limit;
    /// labels of such a name, or beyond `entity_bytes`.
    std::uint64_t bad_entities = 0;
    std::uint64_t entities_beyond = 0;
    std::uint64_t relations_beyond = 0;
    std::uint64_t loose_relations = 0;
    std::uint64_t words_beyond = 0;
    std::uint64_t labels_beyond = 0;

    /// Said twice, and the end of what is not known: no loss.
    std::uint64_t repeated = 0;
    std::uint64_t unknown_ends = 0;

    /// Everything left out, deltas aside.
    [[nodiscard]] std::uint64_t refused() const {
      return bad_entities + entities_beyond + relations_beyond + loose_relations + words_beyond +
             labels_beyond;
    }
  };

  explicit Replica(Options options);

  void apply(const wire::TopologySnapshot& snapshot, BootTime now = {});
  void apply(const wire::TopologyDelta& delta, BootTime now = {});
  /// Forgets what ended longer than `linger` ago; costs what is forgotten.
  void forget(BootTime now);

  [[nodiscard]] std::optional<Index> find(std::string_view id) const;
  /// All indices are below; not all of them are in use.
  [[nodiscard]] std::size_t positions() const { return slots_.size(); }
  [[nodiscard]] bool known(Index index) const { return slots_[index].known; }
  /// Requires of these: the index is known.
  [[nodiscard]] Node node(Index index) const;
  [[nodiscard]] Type type(Index index) const { return slots_[index].type; }
  [[nodiscard]] bool ended(Index index) const { return slots_[index].ended; }
  /// Each relation of the entity, those that linger among them.
  [[nodiscard]] std::span<const Link> links(Index index) const { return links_.of(index); }

  [[nodiscard]] std::optional<Kind> find_kind(std::string_view word) const;
  [[nodiscard]] std::string_view kind_word(Kind kind) const { return kinds_.text(kind); }
  [[nodiscard]] std::optional<Type> find_type(std::string_view word) const {
    return types_.find(word);
  }
  /// Types are numbered from 0 to one below type_count() and keep their numbers.
  [[nodiscard]] std::string_view type_word(Type type) const { return types_.text(type); }
  [[nodiscard]] std::size_t type_count() const { return types_.size(); }

  [[nodiscard]] std::size_t entity_count() const { return index_of_.size(); }
  [[nodiscard]] std::size_t relation_count() const { return links_.size(); }
  /// False before the first snapshot, and from a missing delta to the next snapshot.
  [[nodiscard]] bool complete() const { return complete_; }
  /// Of the message applied last.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  /// Counts up with every message that was applied.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Slot {
    std::unique_ptr<char[]> id;
    /// The machine, unless the id begins with it, then the labels.
    std::unique_ptr<char[]> rest;
    std::uint16_t id_size = 0;
    std::uint16_t rest_size = 0;
    std::uint16_t machine_size = 0;
    Type type = 0;
    bool known = false;
    bool ended = false;
    bool machine_in_id = false;
    /// Turn of the snapshot that last had it.
    bool turn = false;
  };

  [[nodiscard]] std::string_view id_of(const Slot& slot) const {
    return {slot.id.get(), slot.id_size};
  }
  std::optional<Index> upsert(const wire::Node& message);
  Index place(std::string_view id);
  void describe(Slot& slot, const wire::Node& message);
  [[nodiscard]] std::optional<RelationKey> key_of(const wire::Edge& edge,
                                                  std::optional<Words::Number> kind) const;
  void relate(const RelationKey& key);
  void relate_all(const wire::TopologySnapshot& snapshot,
                  const std::vector<std::optional<Index>>& places);
  /// Ends what the latest snapshot does not have; how many entities it has.
  std::size_t end_unseen(BootTime now);
  void end_entity(Index index, BootTime now);
  void end_relation(LinkPlace place, BootTime now);
  void forget_entity(Index index);
  void forget_relation(LinkPlace place);
  void remove(const wire::TopologyDelta& delta, BootTime now);
  void add(const wire::TopologyDelta& delta);

  Options options_;
  std::deque<Slot> slots_;
  std::unordered_map<std::string_view, Index> index_of_;
  std::vector<Index> free_;
  LinkTable links_;
  Words kinds_;
  Words types_;
  Words label_names_;
  /// Types numbered below are `unrelated`.
  std::size_t unrelated_types_ = 0;
  EndedQueue<Index> ended_entities_;
  EndedQueue<RelationKey, RelationKeyHash> ended_relations_;
  std::string scratch_;
  /// Changes with each snapshot: what does not have it was not in the latest.
  bool turn_ = false;
  bool complete_ = false;
  std::uint64_t version_ = 0;
  std::uint64_t revision_ = 0;
  Counts counts_;
};

}  // namespace gala
