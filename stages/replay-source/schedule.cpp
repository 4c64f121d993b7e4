// Recorded time → present time.
#include "stages/replay-source/schedule.h"

#include <algorithm>
#include <cmath>

namespace gala::replay_source {

BootTime Schedule::due(BootTime recorded) const {
  if (speed_ <= 0) {
    return BootTime{};
  }
  if (recorded <= first_.boot) {
    return began_.boot;
  }
  // A damaged time must not stop the replay for ever: nothing waits longer than a day.
  constexpr double longest_ns = 86400e9;
  const auto since_first = static_cast<double>((recorded - first_.boot).count());
  const double wait_ns = std::min(since_first / speed_, longest_ns);
  return began_.boot + Duration{static_cast<std::int64_t>(std::llround(wait_ns))};
}

}  // namespace gala::replay_source
