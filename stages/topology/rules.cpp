// Resolves the names in the model's relations once, before the first row.
#include "stages/topology/rules.h"

#include <algorithm>

namespace gala::topology {
namespace {

bool resolve(const std::map<std::string, std::string>& pairs, const EntityType& from,
             const EntityType& to, std::vector<AttributeIndex>& ours,
             std::vector<AttributeIndex>& theirs) {
  for (const auto& [our_name, their_name] : pairs) {
    const auto our = from.find(our_name);
    const auto their = to.find(their_name);
    if (!our || !their) {
      return false;
    }
    ours.push_back(*our);
    theirs.push_back(*their);
  }
  return true;
}

bool resolve(const Where& where, const EntityType& type, std::vector<AttributeCondition>& out) {
  for (const auto& [name, values] : where) {
    const auto attribute = type.find(name);
    if (!attribute) {
      return false;
    }
    out.push_back({*attribute, values});
  }
  return true;
}

bool covers_keys(const RuleSide& side, const EntityType& type) {
  for (std::size_t key = 0; key < type.key_count; ++key) {
    if (type.attributes[key] != "machine_id" &&
        std::find(side.match.begin(), side.match.end(), key) == side.match.end()) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<AttributeIndex> EntityType::find(std::string_view attribute) const {
  if (attribute == "machine_id") {
    return machine_attribute;
  }
  const auto found = std::find(attributes.begin(), attributes.end(), attribute);
  if (found == attributes.end()) {
    return std::nullopt;
  }
  return static_cast<AttributeIndex>(found - attributes.begin());
}

RuleBook::RuleBook(const Model& model, Duration default_expire) {
  for (const Entity& entity : model.entities()) {
    add_type(entity, default_expire);
  }
  for (std::size_t type = 0; type < types_.size(); ++type) {
    for (const Relation& relation : types_[type].entity->relations) {
      add_relation(type, relation);
    }
  }
  peer_kind_ = find_kind(model.kind_with(RelationRole::peer));
  part_kind_ = find_kind(model.kind_with(RelationRole::part));
}

void RuleBook::add_type(const Entity& entity, Duration default_expire) {
  EntityType type;
  type.entity = &entity;
  for (const Attribute& key : entity.keys) {
    type.attributes.push_back(key.name);
  }
  type.key_count = type.attributes.size();
  for (const Attribute& label : entity.labels) {
    type.attributes.push_back(label.name);
  }
  type.logical = entity.tables.empty();
  type.shared = entity.shared;
  type.expire = entity.expire > Duration{0} ? entity.expire : default_expire;
  type_of_.emplace(entity.name, types_.size());
  types_.push_back(std::move(type));
}

void RuleBook::add_relation(std::size_t from, const Relation& relation) {
  const auto to = find_type(relation.to);
  if (!to) {
    return;  // Model::parse has reported it.
  }
  if (relation.indirect) {
    indirect_.emplace(std::pair{from, *to}, kind_of(relation.kind));
    types_[from].owner = true;
    types_[*to].owner = true;
    return;
  }
  if (!relation.via.empty()) {
    add_via(from, *to, relation);
    return;
  }
  RelationRule rule;
  rule.from.type = from;
  rule.to.type = *to;
  // An entity of no machine cannot be on the same machine as the other side.
  rule.across_hosts = relation.across_hosts || types_[from].shared || types_[*to].shared;
  constexpr std::size_t most_compared =
      11;  // Join keys have a fixed size; one place is the machine.
  const bool resolved =
      relation.match.size() + relation.match_present.size() <= most_compared &&
      resolve(relation.match, types_[from], types_[*to], rule.from.match, rule.to.match) &&
      resolve(relation.match_present, types_[from], types_[*to], rule.from.match_present,
              rule.to.match_present) &&
      resolve(relation.where, types_[from], rule.from.where) &&
      resolve(relation.to_where, types_[*to], rule.to.where);
  for (const std::string& name : relation.absent) {
    if (const auto attribute = types_[from].find(name)) {
      rule.from.absent.push_back(*attribute);
    }
  }
  if (!resolved) {
    return;
  }
  rule.kind = kind_of(relation.kind);
  if (relation.alone) {
    add_alone(std::move(rule));
    return;
  }
  rule.makes_target = types_[*to].logical && covers_keys(rule.to, types_[*to]);
  types_[from].as_from.push_back(rules_.size());
  types_[*to].as_to.push_back(rules_.size());
  rules_.push_back(std::move(rule));
}

void RuleBook::add_alone(RelationRule rule) {
  const bool made_is_from = types_[rule.from.type].logical;
  AloneRule alone{rule.kind, std::move(made_is_from ? rule.to : rule.from),
                  std::move(made_is_from ? rule.from : rule.to), made_is_from};
  if (types_[alone.made.type].logical && covers_keys(alone.made, types_[alone.made.type])) {
    types_[alone.seen.type].alone.push_back(alone_rules_.size());
    types_[alone.made.type].external = true;
    alone_rules_.push_back(std::move(alone));
  }
}

void RuleBook::add_via(std::size_t from, std::size_t to, const Relation& relation) {
  if (relation.via.size() != 2) {
    return;
  }
  const auto middle = find_type(relation.via[0].entity);
  if (!middle) {
    return;
  }
  ViaRule rule;
  rule.kind = kind_of(relation.kind);
  rule.middle = *middle;
  rule.from = {kind_of(relation.via[0].relation), relation.via[0].forward, from};
  rule.to = {kind_of(relation.via[1].relation), !relation.via[1].forward, to};
  types_[*middle].via.push_back(via_rules_.size());
  via_rules_.push_back(rule);
}

std::size_t RuleBook::kind_of(const std::string& kind) {
  if (const auto found = find_kind(kind)) {
    return *found;
  }
  kinds_.push_back(kind);
  return kinds_.size() - 1;
}

std::optional<std::size_t> RuleBook::find_kind(std::string_view kind) const {
  const auto found = std::find(kinds_.begin(), kinds_.end(), kind);
  if (found == kinds_.end()) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - kinds_.begin());
}

std::optional<std::size_t> RuleBook::find_type(std::string_view entity) const {
  const auto found = type_of_.find(entity);
  return found == type_of_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::size_t> RuleBook::indirect_kind(std::size_t from, std::size_t to) const {
  const auto found = indirect_.find({from, to});
  return found == indirect_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace gala::topology
