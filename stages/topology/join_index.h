// Finds the entities with the same values on both sides of a relation, by hash buckets instead of
// loops.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "stages/topology/graph_store.h"
#include "stages/topology/rules.h"

namespace gala::topology {

/// Most attributes that one relation may compare.
inline constexpr std::size_t max_join_values = 12;

/// Which values beyond `match` a key holds, and which entities stand under it.
enum class JoinFlavour : std::uint8_t { without_present, with_present, full };

/// A rule and the values that both sides must share.
struct JoinKey {
  std::uint32_t rule = 0;
  JoinFlavour flavour = JoinFlavour::without_present;
  std::uint8_t count = 0;
  std::array<StringId, max_join_values> values{};
  friend bool operator==(const JoinKey&, const JoinKey&) = default;
};

struct JoinKeyHash {
  std::size_t operator()(const JoinKey& key) const;
};

/// The entities under one key.
struct JoinBucket {
  struct Entry {
    NodeIndex node = 0;
    /// Position in the node's `joins`.
    std::uint32_t join = 0;
  };
  JoinKey key;
  std::vector<Entry> from;
  std::vector<Entry> to;
};

/// Finds the partners of an entity under every relation rule. Link a node when it arrives and
/// unlink it when it leaves; each costs the number of partners, never the number of entities.
class JoinIndex {
 public:
  JoinIndex(const RuleBook& book, const StringPool& pool, GraphStore& graph)
      : book_(book), pool_(pool), graph_(graph) {}

  /// Adds the node on both sides of its type's rules, and the edges to all partners.
  void link(NodeIndex node);
  /// Removes the node from all buckets. The caller removes its edges.
  void unlink(NodeIndex node);

  /// The values (parallel to the side's `match`) by which `node` points at the other side; empty if
  /// the side's conditions do not hold.
  [[nodiscard]] std::vector<StringId> match_values(const RuleSide& side,
                                                   const TopologyNode& node) const;

 private:
  /// A side's values under a rule.
  struct SideKeys {
    bool holds = false;
    bool present = false;
    JoinKey base;
    JoinKey full;
  };

  [[nodiscard]] StringId value(const TopologyNode& node, AttributeIndex attribute) const;
  [[nodiscard]] bool side_holds(const RuleSide& side, const TopologyNode& node) const;
  [[nodiscard]] SideKeys keys_of(std::size_t rule, bool to_side, const TopologyNode& node) const;
  void link_side(std::size_t rule, bool to_side, NodeIndex node);
  void enter(const JoinKey& key, bool to_side, NodeIndex node);
  void connect(const JoinKey& key, bool to_side, NodeIndex node, std::uint32_t kind);

  const RuleBook& book_;
  const StringPool& pool_;
  GraphStore& graph_;
  std::unordered_map<JoinKey, JoinBucket, JoinKeyHash> buckets_;
};

}  // namespace gala::topology
