// Threshold: observations in, events out, by the checks of the model.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/core/stage.h"
#include "stages/threshold/watch.h"

namespace gala::threshold {

/// Judges every metric that has checks in the model. One event for each (entity, check) that is
/// abnormal: sent when it opens, in each window while it lasts, and when it closes.
class Threshold {
 public:
  struct Config {
    std::int64_t max_states = 200'000;
    Duration forget_after = std::chrono::minutes(5);
    Duration new_level_after = std::chrono::minutes(20);

    static constexpr auto fields() {
      return std::tuple{
          Field{"max_states", &Config::max_states,
                "Entities and checks remembered at most: those with a baseline, and the abnormal "
                "ones; 0.3 kB each, 2.6 kB more with a baseline. What does not fit is not judged, "
                "and counted.",
                100, 1e8},
          Field{"forget_after", &Config::forget_after,
                "An entity without values that long is forgotten; its open event closes.", 10,
                86'400},
          Field{"new_level_after", &Config::new_level_after,
                "A deviation that lasts that long is the new usual level: the event closes and the "
                "baseline is learned anew.",
                60, 604'800}};
    }
  };

  static StageDescription describe();

  Threshold(const Config& config, const StageContext& context);
  Threshold(const Threshold&) = delete;
  Threshold& operator=(const Threshold&) = delete;

  void on(const wire::Observations& message, const Envelope& envelope, Outbox& out);
  void tick(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  Config config_;
  WatchTally tally_;
  // Deques: watches refer to their neighbours, which must stay where they are.
  std::deque<Episodes> episodes_;
  std::deque<Watch> watches_;
  std::map<std::string, std::vector<Watch*>, std::less<>> by_entity_;
  SweepClock sweep_;
  /// Messages without a window, an entity or an entity_id column.
  std::uint64_t invalid_ = 0;
};

static_assert(Stage<Threshold>);

}  // namespace gala::threshold
