// Detect: observations in, events of unlikely behaviour out, by the joint checks of the model.
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

/// Learns how the metrics of an entity go together and says when they do not, and who differs from
/// its equals. One event for each (entity, check): sent when it opens, in each window while it
/// lasts, and when it closes.
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
                "Entities and checks with a model at most; about 7 kB each. What does not fit is "
                "not judged, and counted.",
                10, 1e7},
          Field{
              "max_peers", &Config::max_peers,
              "Entities and checks compared with their equals at most; about 300 bytes each. What "
              "does not fit is not judged, and counted.",
              10, 1e7},
          Field{"forget_after", &Config::forget_after,
                "An entity without values that long is forgotten; its open event closes.", 10,
                86'400},
          Field{"new_level_after", &Config::new_level_after,
                "What lasts that long is the new usual level: the event closes.", 60, 604'800},
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

  /// Models of all entities as bytes, and back; what does not fit the model files is left out.
  [[nodiscard]] std::vector<std::uint8_t> save(std::size_t most_bytes = most_memory_bytes) const;
  Result<> load(std::span<const std::uint8_t> bytes);
  /// While true, all that comes is known to be healthy: it is learned and not judged.
  void trust(bool trusted) { tally_.trusted = trusted; }

 private:
  Config config_;
  DetectTally tally_;
  PeerTally peer_tally_;
  // Deques: checks are pointed to.
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
