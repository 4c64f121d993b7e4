// Dedup: many events in, one event for each entity and metric out, and one incident for each fault.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "runtime/core/stage.h"
#include "stages/dedup/incident_book.h"
#include "stages/dedup/metric_event.h"
#include "stages/dedup/relatives.h"

namespace gala::dedup {

/// Folds what all checks and detectors say of one metric of one entity into one event: sent at once
/// when it begins, then at most every `update_period`, at once when it becomes much worse, and when
/// it is over. With the topology it also folds the events of one fault into one incident.
class Dedup {
 public:
  struct Config {
    Duration update_period = std::chrono::seconds(10);
    Duration quiet = std::chrono::seconds(60);
    Duration reopen_within = std::chrono::seconds(30);
    double growth = 2;
    std::int64_t flaps = 2;
    std::int64_t max_events = 10'000;
    Duration settle = std::chrono::seconds(2);
    Duration join_within = std::chrono::seconds(60);
    Duration same_time = std::chrono::seconds(15);
    Duration close_after = std::chrono::seconds(30);
    std::int64_t hops = 5;
    std::int64_t max_incidents = 1'000;
    std::int64_t max_entities = 1'000'000;

    static constexpr auto fields() {
      return std::tuple{
          Field{"update_period", &Config::update_period,
                "An event that lasts is sent again at most that often.", 0, 86'400},
          Field{"quiet", &Config::quiet,
                "An event that nobody speaks of any more closes after that time (at least three "
                "periods of the pipeline).",
                1, 86'400},
          Field{"reopen_within", &Config::reopen_within,
                "What comes back within that time is the same event and keeps its id.", 0, 86'400},
          Field{"growth", &Config::growth,
                "An event is sent at once when its score is that many times the one last sent.",
                1.01, 1e6},
          Field{"flaps", &Config::flaps,
                "An event that came back that often is flapping: it closes only after it stayed "
                "away for reopen_within.",
                1, 1e6},
          Field{"max_events", &Config::max_events,
                "Events remembered at most, about 2 kB each; beyond, the longest unheard closes.",
                16, 1e7},
          Field{"settle", &Config::settle,
                "An incident is told that long after its first event, so that a cascade is told "
                "once.",
                0, 600},
          Field{"join_within", &Config::join_within,
                "Events of related entities that begin within that time belong together.", 0,
                86'400},
          Field{"same_time", &Config::same_time,
                "An event of a host's resource and others on that host belong together when they "
                "begin within that time.",
                0, 86'400},
          Field{"close_after", &Config::close_after,
                "An incident is over when all its events have been closed for that long.", 0,
                86'400},
          Field{"hops", &Config::hops,
                "Entities are related when at most that many relations lead from one to the "
                "other.",
                1, 16},
          Field{"max_incidents", &Config::max_incidents,
                "Incidents that may last at the same time; beyond, the longest unheard closes.", 1,
                1e6},
          Field{"max_entities", &Config::max_entities,
                "Entities of the topology kept at most, about 200 B each.", 0, 1e8}};
    }
  };

  static StageDescription describe();

  Dedup(const Config& config, const StageContext& context);

  void on(const wire::Event& message, const Envelope& envelope, Outbox& out);
  void on(const wire::TopologySnapshot& message, const Envelope& envelope, Outbox& out);
  void on(const wire::TopologyDelta& message, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void report(SelfReport& report) const;
  /// Incidents keep their ids over a restart; events keep theirs because checks repeat them.
  [[nodiscard]] std::vector<std::uint8_t> save() const { return incidents_.save(); }
  Result<> load(std::span<const std::uint8_t> bytes) { return incidents_.load(bytes); }

 private:
  using MetricEvents = std::map<std::string, MetricEvent, std::less<>>;

  void begin(std::string key, wire::EventT said, Outbox& out);
  void go_on(MetricEvent& folded, wire::EventT said, Outbox& out);
  void finish(MetricEvent& folded, const wire::EventT& said, Outbox& out);
  /// Whether a message after the end means that the same event is back.
  [[nodiscard]] bool is_back(const MetricEvent& folded, const wire::EventT& said) const;
  [[nodiscard]] bool is_news(const MetricEvent& folded) const;
  [[nodiscard]] bool is_flapping(const MetricEvent& folded) const;
  void close(MetricEvent& folded, Outbox& out);
  void send(MetricEvent& folded, Outbox& out);
  void touch(MetricEvent& folded);
  void make_room(Outbox& out);

  Config config_;
  Duration quiet_{0};
  Relatives relatives_;
  IncidentBook incidents_;
  MetricEvents metric_events_;
  /// Stage clock: the latest tick.
  std::uint64_t now_ns_ = 0;
  std::uint64_t serial_ = 0;

  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t suppressed_ = 0;
  std::uint64_t reopened_ = 0;
  std::uint64_t silent_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t invalid_ = 0;
};

static_assert(Stage<Dedup>);

}  // namespace gala::dedup
