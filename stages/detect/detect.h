// Detect reads observations and emits an event when an entity behaves in an unlikely way, by the
// joint and peers checks of the model.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/core/stage.h"
#include "stages/detect/joint_check.h"
#include "stages/detect/peer_check.h"

namespace gala::detect {

/// Learns how the metrics of an entity go together, and how it compares with its peers, and emits
/// an event when that changes. One event for each (entity, check): emitted when it opens, in each
/// window while it lasts, and when it closes.
class Detect {
 public:
  struct Config {
    std::int64_t max_entities = 5'000;
    std::int64_t max_peers = 50'000;
    Duration forget_after = std::chrono::minutes(5);
    Duration new_level_after = std::chrono::minutes(20);
    double false_alarm_rate = 3e-3;

    static constexpr auto fields() {
      return std::tuple{
          Field{"max_entities", &Config::max_entities,
                "Most pairs of entity and check with a model; about 7 kB each. The stage counts "
                "others and does not judge them.",
                10, 1e7},
          Field{
              "max_peers", &Config::max_peers,
              "Most pairs of entity and check compared with peers; about 300 bytes each. The stage "
              "counts others and does not judge them.",
              10, 1e7},
          Field{"forget_after", &Config::forget_after,
                "The stage forgets an entity without values for that long and closes its event.",
                10, 86'400},
          Field{"new_level_after", &Config::new_level_after,
                "What lasts that long becomes the usual level, and the event closes.", 60, 604'800},
          Field{"false_alarm_rate", &Config::false_alarm_rate,
                "Runs of unlikely windows that a healthy entity may have for each window. An event "
                "also "
                "needs a change that matters and lasts, so that false events are much rarer.",
                1e-8, 0.1}};
    }
  };

  static StageDescription describe();

  Detect(const Config& config, const StageContext& context);
  Detect(const Detect&) = delete;
  Detect& operator=(const Detect&) = delete;

  void on(const wire::Observations& message, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void report(SelfReport& report) const;

  /// Saves the models of all entities as bytes, and loads them. Leaves out what does not fit the
  /// model files.
  [[nodiscard]] std::vector<std::uint8_t> save(std::size_t most_bytes = most_memory_bytes) const;
  Result<> load(std::span<const std::uint8_t> bytes);
  /// While true, the stage knows that its input is healthy: it learns and does not judge.
  void trust(bool trusted) { tally_.trusted = trusted; }

 private:
  Config config_;
  DetectTally tally_;
  PeerTally peer_tally_;
  // Deques, because others point to the checks.
  std::deque<JointCheck> checks_;
  std::deque<PeerCheck> peer_checks_;
  struct ChecksOfEntity {
    std::vector<JointCheck*> joint;
    std::vector<PeerCheck*> peers;
  };
  std::map<std::string, ChecksOfEntity, std::less<>> by_entity_;
  SweepClock sweep_;
  std::uint64_t invalid_ = 0;
};

static_assert(Stage<Detect>);

}  // namespace gala::detect
