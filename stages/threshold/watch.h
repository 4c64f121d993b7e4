// Runs one check of the model on all entities of its type: their state and their events.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/outbox.h"
#include "runtime/judge/alarm.h"
#include "runtime/judge/baseline.h"
#include "runtime/judge/check_events.h"
#include "runtime/judge/episodes.h"
#include "runtime/judge/judged_message.h"
#include "runtime/judge/judgement.h"
#include "runtime/judge/sample.h"
#include "runtime/model/model.h"

namespace gala::threshold {

/// Limits and counts that all watches share.
struct WatchTally {
  std::size_t max_states = 0;
  Duration new_level_after{0};
  /// The stage's own clock: the latest tick.
  std::uint64_t now_ns = 0;

  std::size_t states = 0;
  std::size_t open = 0;
  std::uint64_t judged = 0;
  /// Rows not judged: without a value, or with too few values in the window.
  std::uint64_t unjudged = 0;
  /// Columns whose kind does not have the statistic.
  std::uint64_t unreadable = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t opened = 0;
  std::uint64_t new_levels = 0;
  /// Entities not watched because of max_states.
  std::uint64_t refused = 0;
};

/// A deviation check keeps state for every entity, a limit check only for abnormal ones.
class Watch {
 public:
  /// All references outlive the watch.
  Watch(const Entity& entity, const Check& check, const Metric& metric, Episodes& episodes,
        WatchTally& tally)
      : check_(check), events_(entity, check, metric), episodes_(episodes), tally_(tally) {}

  /// Judges every row of a message that has the metric.
  void on(const MessageView& message, Outbox& out);
  /// The entity has ended: closes its event.
  void end(std::string_view entity_id, std::uint64_t at_ns, Outbox& out);
  /// Forgets entities without a value since `before_ns` (stage clock) and closes their events.
  void sweep(std::uint64_t before_ns, Outbox& out);

 private:
  struct State {
    Alarm alarm;
    Baseline baseline;
    /// Abnormal windows of a run that has not opened an event. If it never opens one, they were
    /// spikes.
    std::vector<BaselinePoint> spikes;
    /// The event as last emitted, while it is open.
    std::unique_ptr<wire::EventT> event;
    std::uint64_t seen_ns = 0;
    AbnormalTime abnormal;
  };
  using States = MapById<State>;

  [[nodiscard]] AlarmTiming timing() const { return {check_.hold, check_.clear_after}; }
  [[nodiscard]] BaselineShape shape() const {
    return {check_.baseline, check_.warmup, check_.direction};
  }
  [[nodiscard]] bool is_judgeable(const Sample& sample) const;
  void judge_against_limit(const MessageView& message, const JudgedRow& row, Outbox& out);
  void judge_against_baseline(const MessageView& message, const JudgedRow& row, Outbox& out);
  /// The entity's state, if this window comes after its last one. Makes one if it is `wanted` and
  /// there is room.
  States::iterator find_state(const MessageView& message, const JudgedRow& row, bool wanted,
                              Outbox& out);
  Alarm::Change advance(State& state, const MessageView& message, const JudgedRow& row,
                        const Judgement& judgement, Outbox& out);
  void learn(State& state, const BaselinePoint& point, const MessageView& message,
             const Judgement& judgement);
  void close(State& state, wire::Ending ending, Outbox& out);
  void drop(States::iterator state);

  const Check& check_;
  CheckEvents events_;
  Episodes& episodes_;
  WatchTally& tally_;
  States states_;
};

}  // namespace gala::threshold
