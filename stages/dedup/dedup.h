// Dedup: many events in, one event for each entity and metric out.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "runtime/stage.h"
#include "stages/dedup/incident.h"

namespace gala {

/// Folds what all checks and detectors say of one metric of one entity into one event: sent at once
/// when it begins, then at most every `update_period`, at once when it becomes much worse, and when
/// it is over.
class Dedup {
 public:
  struct Config {
    Duration update_period = std::chrono::seconds(10);
    Duration quiet = std::chrono::seconds(60);
    Duration reopen_within = std::chrono::seconds(30);
    double growth = 2;
    std::int64_t flaps = 2;
    std::int64_t max_events = 10'000;

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
                16, 1e7}};
    }
  };

  static StageDescription describe();

  Dedup(const Config& config, const StageContext& context);

  void on(const wire::Event& message, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  using Incidents = std::map<std::string, Incident, std::less<>>;

  void begin(std::string key, wire::EventT said, Outbox& out);
  void go_on(Incident& incident, wire::EventT said, Outbox& out);
  void finish(Incident& incident, const wire::EventT& said, Outbox& out);
  /// Whether a message after the end means that the same event is back.
  [[nodiscard]] bool is_back(const Incident& incident, const wire::EventT& said) const;
  [[nodiscard]] bool is_news(const Incident& incident) const;
  [[nodiscard]] bool is_flapping(const Incident& incident) const;
  void close(Incident& incident, Outbox& out);
  void send(Incident& incident, Outbox& out);
  void touch(Incident& incident);
  void make_room(Outbox& out);

  Config config_;
  Duration quiet_{0};
  Incidents incidents_;
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

}  // namespace gala
