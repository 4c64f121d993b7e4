// A dedup stage with a topology made by hand, a clock, and what a person would have been told.
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/model/event.h"
#include "stages/dedup/dedup.h"

namespace gala::dedup::dedup_test {

inline constexpr std::uint64_t second = 1'000'000'000;

/// Entities and relations; ids are <machine>_<entity>_<key>.
class Map {
 public:
  std::string add(const std::string& machine, const std::string& entity, const std::string& key) {
    const std::string id = machine + "_" + entity + "_" + key;
    auto node = std::make_unique<wire::NodeT>();
    node->entity_id = id;
    node->entity = entity;
    node->machine_id = machine;
    place_of_[id] = static_cast<std::uint32_t>(snapshot_.nodes.size());
    snapshot_.nodes.push_back(std::move(node));
    return id;
  }

  void relate(const std::string& from, const std::string& kind, const std::string& to) {
    auto found = std::find(snapshot_.kinds.begin(), snapshot_.kinds.end(), kind);
    if (found == snapshot_.kinds.end()) {
      found = snapshot_.kinds.insert(found, kind);
    }
    snapshot_.edges.emplace_back(static_cast<std::uint32_t>(found - snapshot_.kinds.begin()),
                                 place_of_.at(from), place_of_.at(to));
  }

  [[nodiscard]] std::vector<std::uint8_t> message(std::uint64_t version) {
    snapshot_.version = version;
    flatbuffers::FlatBufferBuilder builder;
    wire::FinishTopologySnapshotBuffer(builder, wire::TopologySnapshot::Pack(builder, &snapshot_));
    return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
  }

 private:
  wire::TopologySnapshotT snapshot_;
  std::map<std::string, std::uint32_t> place_of_;
};

/// What a check says; times in seconds.
struct Said {
  std::string entity_id;
  std::string metric;
  wire::Severity severity = wire::Severity::warn;
  bool app = false;
};

inline const Model& shipped_model() {
  static const Model model = [] {
    std::vector<SourceText> sources;
    Diagnostics diagnostics;
    return Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics);
  }();
  return model;
}

/// A host with a disk and processes, each with its sli.
struct Host {
  std::string machine;
  std::string disk;
  std::vector<std::string> processes;
  std::vector<std::string> slis;
};

inline Host add_host(Map& map, const std::string& machine, int processes) {
  Host host{machine, map.add(machine, "disk", "sda"), {}, {}};
  const std::string itself = map.add(machine, "host", "12");
  map.relate(host.disk, "belongs_to", itself);
  for (int number = 0; number < processes; ++number) {
    const std::string key = std::to_string(number);
    host.processes.push_back(map.add(machine, "proc", key));
    host.slis.push_back(map.add(machine, "sli", key + "_80"));
    map.relate(host.processes.back(), "runs_on", itself);
    map.relate(host.slis.back(), "belongs_to", host.processes.back());
  }
  return host;
}

/// Every process of `client` calls one of `server`.
inline void relate_clients(Map& map, const Host& server, const Host& client) {
  for (std::size_t i = 0; i < client.processes.size(); ++i) {
    map.relate(client.processes[i], "connect", server.processes[i % server.processes.size()]);
  }
}

/// A slow disk: the disk first, then those who wait for it, then their clients on other hosts.
inline std::vector<Said> disk_cascade(const Host& host, const std::vector<const Host*>& clients) {
  std::vector<Said> all{{host.disk, "util"}, {host.disk, "aqu"}, {host.disk, "w_await"}};
  for (std::size_t i = 0; i < host.processes.size(); ++i) {
    all.push_back({host.processes[i], "iowait"});
    all.push_back({host.slis[i], "latency", wire::Severity::error, true});
  }
  for (const Host* client : clients) {
    for (const std::string& sli : client->slis) {
      all.push_back({sli, "latency", wire::Severity::error, true});
    }
  }
  return all;
}

/// "m1_proc_7" → "m1", "proc"; entity names with '_' are given whole in `entities`.
inline std::pair<std::string, std::string> parts_of(const Model& model, const std::string& id) {
  const std::string machine = id.substr(0, id.find('_'));
  std::string longest;
  for (const Entity& entity : model.entities()) {
    if (id.starts_with(machine + "_" + entity.name + "_") && entity.name.size() > longest.size()) {
      longest = entity.name;
    }
  }
  return {machine, longest};
}

class Desk {
 public:
  explicit Desk(const Model& model, Dedup::Config config = {})
      : model_(model), dedup_(config, {model, "m1", "test", "events", Duration{second}, "", ""}) {}

  void learn(Map& map) {
    const auto message = map.message(++topology_version_);
    dedup_.on(*wire::GetTopologySnapshot(message.data()), Envelope{}, out_);
  }

  void open(const Said& said, std::uint64_t started) { say(said, wire::EventState::open, started); }
  /// It lasts.
  void keep(const Said& said, std::uint64_t started) {
    say(said, wire::EventState::updated, started);
  }
  void close(const Said& said, std::uint64_t started) {
    say(said, wire::EventState::closed, started);
  }

  /// Ticks once a second until `at`.
  void pass(std::uint64_t at) {
    while (now_ < at) {
      ++now_;
      dedup_.tick({BootTime::from_ns(now_ * second), WallTime{}}, out_);
      gather();
    }
  }

  [[nodiscard]] std::uint64_t now() const { return now_; }
  [[nodiscard]] std::vector<std::uint8_t> save() const { return dedup_.save(); }
  Result<> load(std::span<const std::uint8_t> bytes) { return dedup_.load(bytes); }
  [[nodiscard]] double gauge(std::string_view name) const {
    SelfReport report;
    dedup_.report(report);
    const auto found = std::find_if(report.gauges.begin(), report.gauges.end(),
                                    [name](const auto& gauge) { return gauge.name == name; });
    return found == report.gauges.end() ? -1 : found->value;
  }

  /// Messages so far, and the last one of each incident.
  std::size_t event_messages = 0;
  std::size_t incident_messages = 0;
  std::map<std::string, wire::IncidentT> incidents;
  /// Incidents that did not become part of another.
  [[nodiscard]] std::vector<const wire::IncidentT*> standing() const {
    std::vector<const wire::IncidentT*> all;
    for (const auto& [id, incident] : incidents) {
      if (incident.state != wire::IncidentState::merged) {
        all.push_back(&incident);
      }
    }
    return all;
  }

 private:
  void say(const Said& said, wire::EventState state, std::uint64_t started) {
    const auto [machine, entity] = parts_of(model_, said.entity_id);
    wire::EventT event;
    event.event_id = std::to_string(started) + "_" + said.entity_id + "_" + said.metric;
    event.entity_id = said.entity_id;
    event.entity = entity;
    event.machine_id = machine;
    event.metric = said.metric;
    event.check = said.metric;
    event.kind = said.app ? wire::EventKind::app : wire::EventKind::sys;
    event.state = state;
    event.severity = said.severity;
    event.started_ns = started * second;
    event.updated_ns = std::max(now_, started) * second;
    event.last_abnormal_ns = event.updated_ns;
    event.score = 2;
    event.occurrences = 1;
    event.text = said.entity_id + " " + said.metric;
    event.ending = state == wire::EventState::closed ? wire::Ending::normal : wire::Ending::none;
    const auto message = to_message(event);
    dedup_.on(*flatbuffers::GetRoot<wire::Event>(message.data()), Envelope{}, out_);
    gather();
  }

  void gather() {
    for (const Outgoing& message : out_.items()) {
      if (message.port == "events") {
        ++event_messages;
        continue;
      }
      ++incident_messages;
      wire::IncidentT incident;
      wire::GetIncident(message.payload.data())->UnPackTo(&incident);
      const std::string id = incident.incident_id;
      incidents[id] = std::move(incident);
    }
    out_.clear();
  }

  const Model& model_;
  Dedup dedup_;
  Outbox out_;
  std::uint64_t now_ = 100;
  std::uint64_t topology_version_ = 0;
};

}  // namespace gala::dedup::dedup_test
