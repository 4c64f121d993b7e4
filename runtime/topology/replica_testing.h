// For tests, fuzzing and benchmarks: topology messages from objects, and what must always hold.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/topology/replica.h"

namespace gala::replica_testing {

using LabelTexts = std::vector<std::pair<std::string, std::string>>;

inline std::unique_ptr<wire::NodeT> node(const std::string& id, const std::string& entity,
                                         const LabelTexts& labels = {}) {
  auto out = std::make_unique<wire::NodeT>();
  out->entity_id = id;
  out->entity = entity;
  for (const auto& [name, value] : labels) {
    auto label = std::make_unique<wire::LabelT>();
    label->name = name;
    label->value = value;
    out->labels.push_back(std::move(label));
  }
  return out;
}

inline std::unique_ptr<wire::EdgeT> edge(const std::string& from, const std::string& kind,
                                         const std::string& to) {
  auto out = std::make_unique<wire::EdgeT>();
  out->kind = kind;
  out->from = from;
  out->to = to;
  return out;
}

template <class Message, class Object, class Consumer>
void apply_as(Consumer& consumer, const Object& object, BootTime now) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Message::Pack(builder, &object));
  consumer.apply(*flatbuffers::GetRoot<Message>(builder.GetBufferPointer()), now);
}

inline void apply(Replica& replica, const wire::TopologySnapshotT& snapshot, BootTime now = {}) {
  apply_as<wire::TopologySnapshot>(replica, snapshot, now);
}

inline void apply(Replica& replica, const wire::TopologyDeltaT& delta, BootTime now = {}) {
  apply_as<wire::TopologyDelta>(replica, delta, now);
}

/// "" when every index, id, link and count agrees with the others, else what does not.
inline std::string contradiction(const Replica& replica) {
  std::size_t entities = 0;
  std::size_t ends = 0;
  for (Replica::Index index = 0; index < replica.positions(); ++index) {
    const auto links = replica.links(index);
    ends += links.size();
    if (!replica.known(index)) {
      if (!links.empty()) {
        return "a forgotten entity has links";
      }
      continue;
    }
    ++entities;
    const Replica::Node node = replica.node(index);
    if (replica.find(node.id) != index) {
      return "an id leads elsewhere: " + std::string(node.id);
    }
    for (const auto& [name, value] : node.labels) {
      if (name.data() == nullptr || value.size() > 65'535) {
        return "a label cannot be read";
      }
    }
    for (std::uint32_t at = 0; at < links.size(); ++at) {
      const auto theirs = replica.links(links[at].other);
      if (!replica.known(links[at].other) || links[at].twin >= theirs.size()) {
        return "a link leads nowhere";
      }
      const Link& twin = theirs[links[at].twin];
      if (twin.other != index || twin.twin != at || twin.kind != links[at].kind ||
          twin.forward == links[at].forward || twin.ended != links[at].ended) {
        return "the two ends of a relation disagree";
      }
    }
  }
  if (entities != replica.entity_count()) {
    return "entities are miscounted";
  }
  return ends == 2 * replica.relation_count() ? "" : "relations are miscounted";
}

}  // namespace gala::replica_testing
