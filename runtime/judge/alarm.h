// Turns verdicts on windows into an event that opens, lasts and closes: hold, hysteresis, gaps.
#pragma once

#include <cstdint>

#include "runtime/core/time.h"
#include "schemas/wire/event_generated.h"

namespace gala {

/// A check's verdict on one window. `between` is the band of the hysteresis: too good to open an
/// event, too bad to close one.
enum class Verdict : std::uint8_t { normal, between, abnormal };

/// The window of a value. Requires: start < end.
struct Window {
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;

  [[nodiscard]] std::uint64_t length_ns() const { return end_ns - start_ns; }
};

/// How long a value is abnormal before the event opens, and normal before it closes.
struct AlarmTiming {
  Duration hold{0};
  Duration clear_after{0};
};

/// One check on one entity. Counts time in windows with a value: a window without data neither
/// opens nor closes an event.
class Alarm {
 public:
  enum class Change : std::uint8_t { none, opened, updated, closed };

  /// A value, its verdict, and its bad direction.
  struct Finding {
    Verdict verdict = Verdict::normal;
    double value = 0;
    wire::Direction direction = wire::Direction::high;
  };

  /// Requires: `window` ends after the one before.
  Change on(const Finding& finding, const Window& window, const AlarmTiming& timing);

  /// Neither open nor about to open, so there is nothing to remember.
  [[nodiscard]] bool idle() const { return !open_ && (occurrences_ == 0 || normal_ns_ > 0); }
  [[nodiscard]] bool is_open() const { return open_; }
  /// End of the first and of the latest abnormal window.
  [[nodiscard]] std::uint64_t started_ns() const { return started_ns_; }
  [[nodiscard]] std::uint64_t last_abnormal_ns() const { return last_abnormal_ns_; }
  [[nodiscard]] std::uint64_t last_window_end_ns() const { return last_end_ns_; }
  /// Abnormal windows so far, and the worst value.
  [[nodiscard]] std::uint32_t occurrences() const { return occurrences_; }
  [[nodiscard]] double worst() const { return worst_; }

 private:
  void begin_run(const Finding& finding, const Window& window);
  void forget_run();

  std::uint64_t started_ns_ = 0;
  std::uint64_t last_abnormal_ns_ = 0;
  std::uint64_t last_end_ns_ = 0;
  /// Judged time since the run began, and since the last window that was not normal.
  std::uint64_t run_ns_ = 0;
  std::uint64_t normal_ns_ = 0;
  double worst_ = 0;
  std::uint32_t occurrences_ = 0;
  bool open_ = false;
};

}  // namespace gala
