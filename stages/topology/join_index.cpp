// Hash joins of entities under the model's relations.
#include "stages/topology/join_index.h"

#include <algorithm>

namespace gala::topology {
namespace {

/// 127.0.0.1 and ::1 mean another host on every machine.
bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

}  // namespace

std::size_t JoinKeyHash::operator()(const JoinKey& key) const {
  std::uint64_t mixed = key.rule * std::uint64_t{4} + static_cast<std::uint64_t>(key.flavour);
  for (std::size_t i = 0; i < key.count; ++i) {
    mixed = (mixed ^ key.values[i]) * 0x9E3779B97F4A7C15U;
    mixed ^= mixed >> 29;
  }
  return mixed;
}

StringId JoinIndex::value(const TopologyNode& node, AttributeIndex attribute) const {
  return attribute == machine_attribute ? node.machine : node.attributes[attribute];
}

bool JoinIndex::side_holds(const RuleSide& side, const TopologyNode& node) const {
  const bool conditions =
      std::all_of(side.where.begin(), side.where.end(), [&](const AttributeCondition& condition) {
        const auto text = pool_.text(value(node, condition.attribute));
        return std::find(condition.values.begin(), condition.values.end(), text) !=
               condition.values.end();
      });
  return conditions && std::all_of(side.absent.begin(), side.absent.end(), [&](auto attribute) {
           return value(node, attribute) == no_string;
         });
}

JoinIndex::SideKeys JoinIndex::keys_of(std::size_t rule_index, bool to_side,
                                       const TopologyNode& node) const {
  const RelationRule& rule = book_.rules()[rule_index];
  const RuleSide& side = to_side ? rule.to : rule.from;
  SideKeys keys;
  if (!side_holds(side, node)) {
    return keys;
  }
  JoinKey& base = keys.base;
  base.rule = static_cast<std::uint32_t>(rule_index);
  bool local = !rule.across_hosts;
  for (const AttributeIndex attribute : side.match) {
    const StringId id = value(node, attribute);
    if (id == no_string) {
      return keys;  // An absent value equals nothing, not even another absent one.
    }
    base.values[base.count++] = id;
    local = local || is_loopback(pool_.text(id));
  }
  if (local) {
    base.values[base.count++] = node.machine;
  }
  keys.holds = base.count > 0;
  keys.full = base;
  keys.full.flavour = JoinFlavour::full;
  keys.present = !side.match_present.empty();
  for (const AttributeIndex attribute : side.match_present) {
    const StringId id = value(node, attribute);
    keys.present = keys.present && id != no_string && pool_.text(id) != "0";
    keys.full.values[keys.full.count++] = id;
  }
  return keys;
}

void JoinIndex::link(NodeIndex node) {
  const EntityType& type = book_.types()[graph_.node(node).type];
  for (const std::size_t rule : type.as_from) {
    link_side(rule, false, node);
  }
  for (const std::size_t rule : type.as_to) {
    link_side(rule, true, node);
  }
}

void JoinIndex::link_side(std::size_t rule, bool to_side, NodeIndex node) {
  const SideKeys keys = keys_of(rule, to_side, graph_.node(node));
  if (!keys.holds) {
    return;
  }
  const auto kind = static_cast<std::uint32_t>(book_.rules()[rule].kind);
  JoinKey with_present = keys.base;
  with_present.flavour = JoinFlavour::with_present;
  connect(keys.base, to_side, node, kind);
  if (keys.present) {
    connect(keys.full, to_side, node, kind);
    enter(keys.full, to_side, node);
    enter(with_present, to_side, node);
  } else {
    connect(with_present, to_side, node, kind);
    enter(keys.base, to_side, node);
  }
}

void JoinIndex::connect(const JoinKey& key, bool to_side, NodeIndex node, std::uint32_t kind) {
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    return;
  }
  for (const JoinBucket::Entry& partner : to_side ? found->second.from : found->second.to) {
    const EdgeKey edge =
        to_side ? EdgeKey{kind, partner.node, node} : EdgeKey{kind, node, partner.node};
    if (!graph_.add_edge(edge)) {
      return;  // Full; counted by the graph.
    }
  }
}

void JoinIndex::enter(const JoinKey& key, bool to_side, NodeIndex node) {
  JoinBucket& bucket = buckets_[key];
  bucket.key = key;
  std::vector<JoinBucket::Entry>& entries = to_side ? bucket.to : bucket.from;
  std::vector<JoinSlot>& joins = graph_.node(node).joins;
  joins.push_back({&bucket, to_side, static_cast<std::uint32_t>(entries.size())});
  entries.push_back({node, static_cast<std::uint32_t>(joins.size() - 1)});
}

void JoinIndex::unlink(NodeIndex node) {
  std::vector<JoinSlot>& joins = graph_.node(node).joins;
  for (const JoinSlot& slot : joins) {
    JoinBucket& bucket = *slot.bucket;
    std::vector<JoinBucket::Entry>& entries = slot.to_side ? bucket.to : bucket.from;
    entries[slot.position] = entries.back();
    entries.pop_back();
    if (slot.position < entries.size()) {
      const JoinBucket::Entry& moved = entries[slot.position];
      graph_.node(moved.node).joins[moved.join].position = slot.position;
    }
    if (bucket.from.empty() && bucket.to.empty()) {
      buckets_.erase(JoinKey{bucket.key});
    }
  }
  joins.clear();
}

std::vector<StringId> JoinIndex::match_values(const RuleSide& side,
                                              const TopologyNode& node) const {
  std::vector<StringId> values;
  if (!side_holds(side, node)) {
    return values;
  }
  for (const AttributeIndex attribute : side.match) {
    values.push_back(value(node, attribute));
    if (values.back() == no_string) {
      return {};
    }
  }
  return values;
}

}  // namespace gala::topology
