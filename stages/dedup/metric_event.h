// All that is said of one metric of one entity, folded into one event.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/wire/event_generated.h"

namespace gala::dedup {

/// One event for people: what one or several checks say of the same metric of the same entity. Pure
/// bookkeeping; when to send is for Dedup to decide.
class MetricEvent {
 public:
  enum class Phase : std::uint8_t {
    open,
    /// Over, but it flaps: closed only when it stays over.
    settling,
    /// Closed and told so; remembered in case it comes back.
    closed,
  };

  /// Begins with the first message of any check; keeps its event id for good.
  MetricEvent(wire::EventT first, std::uint64_t heard_at_ns);

  /// What a check says now. Requires: the message is not a closing one.
  void hear(wire::EventT said);
  /// One check is content again; the event is over when it was the last. False when it had said
  /// nothing before.
  bool leave(const wire::EventT& said);
  /// Checks that were not heard since `before_ns` (stage clock) leave.
  void leave_silent(std::uint64_t before_ns);
  /// It is back: the same event goes on.
  void reopen();
  void set_phase(Phase phase) { phase_ = phase; }
  /// What was heard so far was heard now: the stage clock was not known before.
  void begin_clock(std::uint64_t now_ns);

  [[nodiscard]] Phase phase() const { return phase_; }
  /// No check is abnormal any more.
  [[nodiscard]] bool is_over() const { return voices_.empty(); }
  /// The message to send: the most severe check's words, everybody's times and counts.
  [[nodiscard]] const wire::EventT& event() const { return event_; }
  [[nodiscard]] wire::EventT& event() { return event_; }

  /// Stage clock when something was last heard of it, and when it was over.
  std::uint64_t heard_ns = 0;
  std::uint64_t over_ns = 0;
  /// Place in the order of all that was heard.
  std::uint64_t serial = 0;
  /// What was last sent: event time, severity, score.
  std::uint64_t sent_ns = 0;
  wire::Severity sent_severity = wire::Severity::unset;
  double sent_score = 0;

 private:
  /// One check as long as it is abnormal.
  struct Voice {
    wire::EventT said;
    std::uint64_t heard_ns = 0;
  };

  Voice* find(std::string_view check);
  void count(const wire::EventT& said, std::uint32_t said_before);
  /// Takes words and values from the most severe check, the earliest of equals.
  void speak();

  wire::EventT event_;
  std::vector<Voice> voices_;
  Phase phase_ = Phase::open;
};

}  // namespace gala::dedup
