// Applies what was recorded, oldest first, up to a time.
#include "runtime/cli/topology_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "runtime/core/recording.h"
#include "runtime/core/wire.h"

namespace gala {
namespace {

std::int64_t wall_ms(std::uint64_t boot_ns, std::int64_t offset_ns) {
  return static_cast<std::int64_t>(boot_ns + static_cast<std::uint64_t>(offset_ns)) / 1'000'000;
}

void add(TopologyState& state, const wire::Node& node) {
  KnownEntity& known = state.entities[std::string(text_of(node.entity_id()))];
  known = {std::string(text_of(node.entity())), std::string(text_of(node.machine_id())), {}};
  if (node.labels() != nullptr) {
    for (const wire::Label* label : *node.labels()) {
      known.labels[std::string(text_of(label->name()))] = text_of(label->value());
    }
  }
}

KnownRelation relation_of(const wire::Edge& edge) {
  return {std::string(text_of(edge.from())), std::string(text_of(edge.kind())),
          std::string(text_of(edge.to()))};
}

/// The file and its predecessors, oldest first.
std::vector<std::string> files_of(const std::string& path) {
  std::vector<std::string> files;
  for (int number = 1; std::filesystem::exists(path + "." + std::to_string(number)); ++number) {
    files.push_back(path + "." + std::to_string(number));
  }
  std::reverse(files.begin(), files.end());
  if (std::filesystem::exists(path)) {
    files.push_back(path);
  }
  return files;
}

/// False once a message is later than asked for.
template <class Message>
bool take(TopologyState& state, const Message& message, std::int64_t at_ms, HistoryRange& range) {
  const std::int64_t time_ms = wall_ms(message.time_ns(), message.wall_offset_ns());
  range.first_ms = range.first_ms == 0 ? time_ms : range.first_ms;
  range.last_ms = std::max(range.last_ms, time_ms);
  if (time_ms > at_ms) {
    return false;
  }
  state.apply(message);
  return true;
}

/// Applies one file; false when the time asked for is reached.
Result<bool> read(const std::string& path, std::int64_t at_ms, TopologyState& state,
                  HistoryRange& range) {
  RecordingReader reader = TRY(RecordingReader::open(path));
  bool goes_on = true;
  while (const auto message = reader.next()) {
    const auto frame = open_frame(message->topic, message->header, message->payload);
    if (!frame) {
      continue;
    }
    const std::uint8_t* payload = frame->payload.data();
    if (frame->envelope.type == wire::MessageType::topology_snapshot) {
      goes_on = take(state, *wire::GetTopologySnapshot(payload), at_ms, range) && goes_on;
    } else if (frame->envelope.type == wire::MessageType::topology_delta) {
      goes_on = take(state, *wire::GetTopologyDelta(payload), at_ms, range) && goes_on;
    }
  }
  return goes_on;
}

}  // namespace

void TopologyState::apply(const wire::TopologySnapshot& snapshot) {
  entities.clear();
  relations.clear();
  version = snapshot.version();
  time_ms = wall_ms(snapshot.time_ns(), snapshot.wall_offset_ns());
  complete = true;
  if (snapshot.nodes() == nullptr) {
    return;
  }
  for (const wire::Node* node : *snapshot.nodes()) {
    add(*this, *node);
  }
  if (snapshot.edges() == nullptr || snapshot.kinds() == nullptr) {
    return;
  }
  const auto id = [&](std::uint32_t place) {
    return std::string(text_of(snapshot.nodes()->Get(place)->entity_id()));
  };
  for (const wire::EdgeIndex* edge : *snapshot.edges()) {
    if (edge->kind() < snapshot.kinds()->size() && edge->from() < snapshot.nodes()->size() &&
        edge->to() < snapshot.nodes()->size()) {
      relations.emplace(id(edge->from()), text_of(snapshot.kinds()->Get(edge->kind())),
                        id(edge->to()));
    }
  }
}

void TopologyState::apply(const wire::TopologyDelta& delta) {
  complete = complete && delta.version() == version + 1;
  version = delta.version();
  if (!complete) {
    return;
  }
  time_ms = wall_ms(delta.time_ns(), delta.wall_offset_ns());
  if (delta.removed_edges() != nullptr) {
    for (const wire::Edge* edge : *delta.removed_edges()) {
      relations.erase(relation_of(*edge));
    }
  }
  if (delta.removed_nodes() != nullptr) {
    for (const flatbuffers::String* id : *delta.removed_nodes()) {
      entities.erase(std::string(text_of(id)));
    }
  }
  if (delta.added_nodes() != nullptr) {
    for (const wire::Node* node : *delta.added_nodes()) {
      add(*this, *node);
    }
  }
  if (delta.added_edges() != nullptr) {
    for (const wire::Edge* edge : *delta.added_edges()) {
      relations.insert(relation_of(*edge));
    }
  }
}

TopologyState TopologyState::around(const std::string& entity_id, int depth) const {
  std::map<std::string, std::vector<const KnownRelation*>> at;
  for (const KnownRelation& relation : relations) {
    at[std::get<0>(relation)].push_back(&relation);
    at[std::get<2>(relation)].push_back(&relation);
  }
  TopologyState near;
  near.time_ms = time_ms;
  near.version = version;
  near.complete = complete;
  std::set<std::string> reached{entity_id};
  std::vector<std::string> open{entity_id};
  for (int step = 0; step < depth; ++step) {
    std::vector<std::string> next;
    for (const std::string& id : open) {
      for (const KnownRelation* relation : at[id]) {
        near.relations.insert(*relation);
        for (const std::string& end : {std::get<0>(*relation), std::get<2>(*relation)}) {
          if (reached.insert(end).second) {
            next.push_back(end);
          }
        }
      }
    }
    open = std::move(next);
  }
  for (const std::string& id : reached) {
    if (const auto found = entities.find(id); found != entities.end()) {
      near.entities.insert(*found);
    }
  }
  return near;
}

Result<TopologyState> topology_at(const std::string& path, std::int64_t at_ms,
                                  HistoryRange& range) {
  const std::vector<std::string> files = files_of(path);
  if (files.empty()) {
    return fail(path +
                ": there is no such recording; a record-sink on the port topology writes "
                "it (stage \"history\" of single-host): is the --state-dir right?");
  }
  TopologyState state;
  for (const std::string& file : files) {
    if (!TRY(read(file, at_ms, state, range))) {
      break;
    }
  }
  if (state.time_ms == 0) {
    return fail(path + ": the history does not reach back that far");
  }
  return state;
}

}  // namespace gala
