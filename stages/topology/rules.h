// The model's entities and relations with names resolved to positions: what the joins work on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/time.h"
#include "runtime/model/model.h"

namespace gala::topology {

/// Position in EntityType::attributes, or `machine_attribute`.
using AttributeIndex = std::uint16_t;
inline constexpr AttributeIndex machine_attribute = 0xFFFF;

/// A condition: a key or label has one of these values.
struct AttributeCondition {
  AttributeIndex attribute = 0;
  std::vector<std::string> values;
};

/// One side of a relation: what is compared, and what must hold.
struct RuleSide {
  std::size_t type = 0;
  /// Position i of one side equals position i of the other.
  std::vector<AttributeIndex> match;
  /// Compared only if both sides have all of them.
  std::vector<AttributeIndex> match_present;
  std::vector<AttributeCondition> where;
  std::vector<AttributeIndex> absent;
};

/// A direct relation, ready to join.
struct RelationRule {
  std::size_t kind = 0;
  RuleSide from;
  RuleSide to;
  bool across_hosts = false;
  /// `to` is a logical entity and `match` covers its keys, so a match makes it exist.
  bool makes_target = false;
};

/// A relation to an entity that nobody observes. It holds while the seen side has no other relation
/// of its kind.
struct AloneRule {
  std::size_t kind = 0;
  RuleSide seen;
  RuleSide made;
  /// The made side is the `from` of the relation.
  bool made_is_from = false;
};

/// A relation that follows from two others with an entity in between.
struct ViaRule {
  /// One hop: the relation, and whether the middle entity is its `to`.
  struct Leg {
    std::size_t kind = 0;
    bool middle_is_to = false;
    std::size_t end_type = 0;
  };
  std::size_t kind = 0;
  std::size_t middle = 0;
  Leg from;
  Leg to;
};

/// An entity of the model as positions.
struct EntityType {
  const Entity* entity = nullptr;
  /// Names of keys, then labels.
  std::vector<std::string> attributes;
  std::size_t key_count = 0;
  /// Rules in which this type is the `from` or the `to` side.
  std::vector<std::size_t> as_from;
  std::vector<std::size_t> as_to;
  /// Alone rules whose seen side is this type, via rules whose middle it is.
  std::vector<std::size_t> alone;
  std::vector<std::size_t> via;
  /// Has no tables: exists while something relates to it.
  bool logical = false;
  /// Can be an end of an indirect relation.
  bool owner = false;
  /// One entity for all machines.
  bool shared = false;
  /// Made by an alone rule.
  bool external = false;
  Duration expire{0};

  /// `machine_id` is known for every type.
  [[nodiscard]] std::optional<AttributeIndex> find(std::string_view attribute) const;
};

/// All of the above. The model must outlive it.
class RuleBook {
 public:
  RuleBook(const Model& model, Duration default_expire);

  [[nodiscard]] const std::vector<EntityType>& types() const { return types_; }
  [[nodiscard]] const std::vector<RelationRule>& rules() const { return rules_; }
  [[nodiscard]] const std::vector<AloneRule>& alone_rules() const { return alone_rules_; }
  [[nodiscard]] const std::vector<ViaRule>& via_rules() const { return via_rules_; }
  [[nodiscard]] const std::vector<std::string>& kinds() const { return kinds_; }
  [[nodiscard]] std::optional<std::size_t> find_type(std::string_view entity) const;
  /// The kind of the indirect relation between two outermost owners, when there is one.
  [[nodiscard]] std::optional<std::size_t> indirect_kind(std::size_t from, std::size_t to) const;
  /// The kinds that indirect relations are derived from: two ends of one connection, and a part of
  /// its owner.
  [[nodiscard]] std::optional<std::size_t> peer_kind() const { return peer_kind_; }
  [[nodiscard]] std::optional<std::size_t> part_kind() const { return part_kind_; }

 private:
  void add_type(const Entity& entity, Duration default_expire);
  void add_relation(std::size_t from, const Relation& relation);
  void add_via(std::size_t from, std::size_t to, const Relation& relation);
  void add_alone(RelationRule rule);
  std::size_t kind_of(const std::string& kind);
  [[nodiscard]] std::optional<std::size_t> find_kind(std::string_view kind) const;

  std::vector<EntityType> types_;
  std::vector<RelationRule> rules_;
  std::vector<AloneRule> alone_rules_;
  std::vector<ViaRule> via_rules_;
  std::vector<std::string> kinds_;
  std::optional<std::size_t> peer_kind_;
  std::optional<std::size_t> part_kind_;
  std::map<std::string, std::size_t, std::less<>> type_of_;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> indirect_;
};

}  // namespace gala::topology
