// Writes the events of one check: how they begin, their words, how they end.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/core/outbox.h"
#include "runtime/core/time.h"
#include "runtime/judge/alarm.h"
#include "runtime/judge/baseline.h"
#include "runtime/judge/judged_message.h"
#include "runtime/judge/judgement.h"
#include "runtime/model/model.h"
#include "schemas/wire/event_generated.h"

namespace gala {

/// Words what a check found. Borrows what it is made of, which must outlive it.
class CheckEvents {
 public:
  CheckEvents(const Entity& entity, const Check& check, const Metric& metric)
      : entity_(entity), check_(check), metric_(metric) {}

  /// A new event, not emitted yet. Its id contains `began`.
  [[nodiscard]] std::unique_ptr<wire::EventT> begin(const Alarm& alarm, WallTime began,
                                                    const MessageView& message,
                                                    const JudgedRow& row) const;
  /// Fills in times, counts and the value, and the sentence if the row is abnormal.
  void describe(wire::EventT& event, const Alarm& alarm, const MessageView& message,
                const JudgedRow& row, const Judgement& judgement) const;
  /// Emits the event as it is. Whatever is emitted next is an update.
  void send(wire::EventT& event, Outbox& out) const;
  /// Emits the end of an event.
  void close(wire::EventT& event, wire::Ending ending, Outbox& out) const;

 private:
  const Entity& entity_;
  const Check& check_;
  const Metric& metric_;
};

/// What a baseline learns of a row.
BaselinePoint point_of(const Sample& sample, const Window& window);

/// Time with an open event. Normal time takes a tenth of itself off.
class AbnormalTime {
 public:
  void add(const Window& window) { ns_ += window.length_ns(); }
  void forgive(const Window& window);
  [[nodiscard]] bool reaches(Duration limit) const {
    return ns_ >= static_cast<std::uint64_t>(limit.count());
  }

 private:
  std::uint64_t ns_ = 0;
};

}  // namespace gala
