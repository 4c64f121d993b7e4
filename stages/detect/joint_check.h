// Runs one joint check of the model on all entities of its type: their models, alarms and events.
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
#include "stages/detect/entity_detector.h"

namespace gala::detect {

/// Limits and counts that all checks share.
struct DetectTally {
  std::size_t max_entities = 0;
  Duration new_level_after{0};
  double false_alarm_rate = 0;
  /// The stage's own clock: the latest tick.
  std::uint64_t now_ns = 0;
  /// The stage learns a history that is known to be healthy.
  bool trusted = false;

  std::size_t entities = 0;
  std::size_t open = 0;
  std::uint64_t judged = 0;
  std::uint64_t unjudged = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t opened = 0;
  std::uint64_t new_levels = 0;
  std::uint64_t refused = 0;
  std::uint64_t unsaved = 0;
};

/// An event needs three things. The metrics together are unlikely (EntityDetector). The check's own
/// metric is far enough from its recent baseline, load considered, to matter (judge_deviation).
/// Both last long enough (Alarm). While the event lasts, only the metric decides, so that a model
/// that follows the incident does not end it.
class JointCheck {
 public:
  /// All references outlive the check.
  JointCheck(const Entity& entity, const Check& check, const Metric& metric, DetectTally& tally);

  /// Judges every row of a message that has the metric.
  void on(const MessageView& message, Outbox& out);
  /// The entity has ended: closes its event.
  void end(std::string_view entity_id, std::uint64_t at_ns, Outbox& out);
  /// Forgets entities without a value since `before_ns` (stage clock).
  void sweep(std::uint64_t before_ns, Outbox& out);

  /// Saves the models of all entities by id, up to `most_bytes`, and counts those without room.
  [[nodiscard]] flatbuffers::Offset<memory::KeptCheck> save(MemoryBuilder& builder,
                                                            std::size_t most_bytes) const;
  /// Loads models and returns how many it left out because they do not fit the check or have no
  /// room. Keeps entities that it knows already.
  std::size_t load(const memory::KeptCheck& kept);
  [[nodiscard]] std::string name() const { return entity_.name + "." + check_.id; }

 private:
  struct State {
    explicit State(const DetectorShape& shape) : detector(shape) {}
    EntityDetector detector;
    Alarm alarm;
    Baseline baseline;
    std::unique_ptr<wire::EventT> event;
    std::uint64_t seen_ns = 0;
    AbnormalTime abnormal;
    /// The last unlikely row makes the rows until then suspect.
    std::uint64_t unlikely_until_ns = 0;
    double unlikeliness = 0;
  };
  using States = MapById<State>;

  void judge(const MessageView& message, const JudgedRow& row, Outbox& out);
  Judgement verdict_of(State& state, const MessageView& message, const BaselinePoint& point);
  void read_values(const JudgedRow& row);
  States::iterator find_state(const MessageView& message, const JudgedRow& row, Outbox& out);
  void advance(State& state, const MessageView& message, const JudgedRow& row,
               const BaselinePoint& point, const Judgement& judgement, Outbox& out);
  void blame(State& state, const JudgedRow& row) const;
  void close(State& state, wire::Ending ending, Outbox& out);
  void drop(States::iterator state);
  bool load(const memory::KeptEntity& kept);
  [[nodiscard]] std::vector<std::string> column_names() const;
  [[nodiscard]] AlarmTiming timing() const { return {check_.hold, check_.clear_after}; }
  [[nodiscard]] BaselineShape shape() const {
    return {check_.baseline, check_.warmup, check_.direction};
  }

  const Entity& entity_;
  const Check& check_;
  CheckEvents events_;
  DetectTally& tally_;
  DetectorShape detector_shape_;
  /// The check, and a copy for each companion: a SampleReader reads by them.
  std::vector<Check> columns_;
  std::vector<SampleReader> readers_;
  std::vector<double> values_;
  States states_;
};

}  // namespace gala::detect
