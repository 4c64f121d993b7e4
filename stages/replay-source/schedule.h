// When a recorded message is due, and what its times become.
#pragma once

#include <cstdint>

#include "runtime/core/time.h"

namespace gala::replay_source {

/// Maps the time of a recording onto the present. Pure: time is an argument.
class Schedule {
 public:
  /// `speed` 1 = as recorded, 2 = twice as fast, 0 = everything is due at once.
  explicit Schedule(double speed) : speed_(speed) {}

  /// The recording's `first` moment is played at `now`. Called again, it starts another round.
  void begin(Instant first, Instant now) {
    first_ = first;
    began_ = now;
  }
  [[nodiscard]] BootTime due(BootTime recorded) const;
  /// Recorded times plus this are present ones (at speed 1).
  [[nodiscard]] Duration shift() const { return began_.boot - first_.boot; }
  /// Wall clock minus boot clock, at present.
  [[nodiscard]] std::int64_t wall_offset_ns() const { return began_.wall_offset_ns(); }

 private:
  double speed_;
  Instant first_;
  Instant began_;
};

}  // namespace gala::replay_source
