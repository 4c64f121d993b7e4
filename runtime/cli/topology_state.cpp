// Applies what was recorded, oldest first, up to a time.
#include "runtime/cli/topology_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "runtime/core/recording.h"
#include "runtime/core/wire.h"
#include "runtime/text/json_parts.h"

namespace gala {
namespace {

/// A history may be of more machines than one process should hold all the time.
constexpr std::size_t most_entities = 10'000'000;
constexpr std::size_t most_relations = 50'000'000;

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
bool take(TopologyMoment& moment, const Message& message, std::int64_t at_ms) {
  const std::int64_t time_ms = wall_ms(message.time_ns(), message.wall_offset_ns());
  if (time_ms > at_ms) {
    return false;
  }
  const std::uint64_t before = moment.replica.revision();
  moment.replica.apply(message);
  if (moment.replica.revision() != before) {
    moment.time_ms = time_ms;
  }
  return true;
}

/// Applies one file; false when the time asked for is reached.
Result<bool> read(const std::string& path, std::int64_t at_ms, TopologyMoment& moment) {
  RecordingReader reader = TRY(RecordingReader::open(path));
  bool goes_on = true;
  while (const auto message = reader.next()) {
    const auto frame = open_frame(message->topic, message->header, message->payload);
    if (!frame) {
      continue;
    }
    const std::uint8_t* payload = frame->payload.data();
    if (frame->envelope.type == wire::MessageType::topology_snapshot) {
      goes_on = take(moment, *wire::GetTopologySnapshot(payload), at_ms) && goes_on;
    } else if (frame->envelope.type == wire::MessageType::topology_delta) {
      goes_on = take(moment, *wire::GetTopologyDelta(payload), at_ms) && goes_on;
    }
  }
  return goes_on;
}

}  // namespace

void TopologyPart::sort() {
  std::ranges::sort(entities, {}, [this](Replica::Index index) { return id(index); });
  // Each id is compared once only, not with every relation.
  std::vector<std::size_t> rank(of.replica.positions());
  for (std::size_t place = 0; place < entities.size(); ++place) {
    rank[entities[place]] = place;
  }
  std::ranges::sort(relations, {}, [&](const KnownRelation& one) {
    return std::tuple(rank[one.from], word(one), rank[one.to]);
  });
}

TopologyPart everything(const TopologyMoment& moment) {
  TopologyPart all{moment, {}, {}};
  for (Replica::Index index = 0; index < moment.replica.positions(); ++index) {
    if (!moment.replica.known(index)) {
      continue;
    }
    all.entities.push_back(index);
    for (const Link& link : moment.replica.links(index)) {
      if (link.forward) {
        all.relations.push_back({index, link.kind, link.other});
      }
    }
  }
  all.sort();
  return all;
}

TopologyPart around(const TopologyMoment& moment, std::string_view entity_id, int depth) {
  TopologyPart near{moment, {}, {}};
  if (const auto start = moment.replica.find(entity_id)) {
    near.entities.push_back(*start);
  }
  std::set<Replica::Index> reached(near.entities.begin(), near.entities.end());
  std::set<std::tuple<Replica::Index, Replica::Kind, Replica::Index>> relations;
  std::size_t first = 0;
  for (int step = 0; step < depth; ++step) {
    const std::size_t last = near.entities.size();
    for (; first < last; ++first) {
      const Replica::Index here = near.entities[first];
      for (const Link& link : moment.replica.links(here)) {
        relations.emplace(link.forward ? here : link.other, link.kind,
                          link.forward ? link.other : here);
        if (reached.insert(link.other).second) {
          near.entities.push_back(link.other);
        }
      }
    }
  }
  for (const auto& [from, kind, to] : relations) {
    near.relations.push_back({from, kind, to});
  }
  near.sort();
  return near;
}

Result<TopologyMoment> topology_at(const std::string& path, std::int64_t at_ms) {
  const std::vector<std::string> files = files_of(path);
  if (files.empty()) {
    return fail(path +
                ": there is no such recording; a record-sink on the port topology writes "
                "it (stage \"history\" of single-host): is the --state-dir right?");
  }
  TopologyMoment moment{Replica({.entities = most_entities, .relations = most_relations}), 0};
  for (const std::string& file : files) {
    if (!TRY(read(file, at_ms, moment))) {
      break;
    }
  }
  if (moment.time_ms == 0) {
    return fail(path + ": the history does not reach back that far");
  }
  return moment;
}

}  // namespace gala
