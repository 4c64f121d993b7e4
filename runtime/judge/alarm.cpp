// From verdicts on windows to an event.
#include "runtime/judge/alarm.h"

#include <algorithm>
#include <limits>

namespace gala {
namespace {

/// Windows are never exactly a period long, so a time is over half a window early.
bool is_over(std::uint64_t judged_ns, Duration needed, const Window& window) {
  return judged_ns + window.length_ns() / 2 >= static_cast<std::uint64_t>(needed.count());
}

/// A gap that long ends a run that has not opened an event: the windows before it say nothing about
/// now.
bool is_stale(std::uint64_t last_end_ns, const Window& window, Duration hold) {
  const std::uint64_t gap_ns = window.start_ns > last_end_ns ? window.start_ns - last_end_ns : 0;
  return gap_ns > std::max(static_cast<std::uint64_t>(hold.count()), 3 * window.length_ns());
}

}  // namespace

Alarm::Change Alarm::on(const Finding& finding, const Window& window, const AlarmTiming& timing) {
  if (!open_ && (normal_ns_ > 0 || is_stale(last_end_ns_, window, timing.hold))) {
    forget_run();
  }
  last_end_ns_ = window.end_ns;
  if (finding.verdict == Verdict::normal) {
    normal_ns_ += window.length_ns();
    if (!open_) {
      return Change::none;
    }
    if (!is_over(normal_ns_, timing.clear_after, window)) {
      return Change::updated;
    }
    open_ = false;
    return Change::closed;
  }
  normal_ns_ = 0;
  if (finding.verdict == Verdict::between && occurrences_ == 0) {
    return Change::none;
  }
  run_ns_ += window.length_ns();
  if (finding.verdict == Verdict::between) {
    return open_ ? Change::updated : Change::none;
  }
  if (occurrences_ == 0) {
    begin_run(finding, window);
  }
  last_abnormal_ns_ = window.end_ns;
  occurrences_ += occurrences_ < std::numeric_limits<std::uint32_t>::max() ? 1 : 0;
  worst_ = finding.direction == wire::Direction::high ? std::max(worst_, finding.value)
                                                      : std::min(worst_, finding.value);
  if (open_) {
    return Change::updated;
  }
  open_ = is_over(run_ns_, timing.hold, window);
  return open_ ? Change::opened : Change::none;
}

void Alarm::begin_run(const Finding& finding, const Window& window) {
  started_ns_ = window.end_ns;
  worst_ = finding.value;
}

void Alarm::forget_run() {
  run_ns_ = 0;
  normal_ns_ = 0;
  occurrences_ = 0;
}

}  // namespace gala
