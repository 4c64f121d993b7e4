// Threshold reads observations and emits events, by the checks of the model.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/core/stage.h"
#include "stages/threshold/watch.h"

namespace gala::threshold {

/// Judges every metric that has limit or deviation checks in the model. One event for each abnormal
/// (entity, check): emitted when it opens, in each window while it lasts, and when it closes.
class Threshold {
 public:
  struct Config {
    std::int64_t max_states = 200'000;
    Duration forget_after = std::chrono::minutes(5);
    Duration new_level_after = std::chrono::minutes(20);

    static constexpr auto fields() {
      return std::tuple{
          Field{"max_states", &Config::max_states,
                "Most pairs of entity and check with state: those with a baseline, and abnormal "
                "ones. 0.3 kB each, 2.6 kB more with a baseline. The stage counts others and does "
                "not judge them.",
                100, 1e8},
          Field{"forget_after", &Config::forget_after,
                "The stage forgets an entity without values for that long and closes its event.",
                10, 86'400},
          Field{"new_level_after", &Config::new_level_after,
                "A deviation that lasts that long becomes the usual level: the event closes, and "
                "the stage learns a new baseline.",
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
  // Deques, because watches refer to their neighbours, which must not move.
  std::deque<Episodes> episodes_;
  std::deque<Watch> watches_;
  std::map<std::string, std::vector<Watch*>, std::less<>> by_entity_;
  SweepClock sweep_;
  /// Messages without a window, an entity or an entity_id column.
  std::uint64_t invalid_ = 0;
};

static_assert(Stage<Threshold>);

}  // namespace gala::threshold
