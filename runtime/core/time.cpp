// The two clocks of the runtime's edges.
#include "runtime/core/time.h"

#include <ctime>

namespace gala {
namespace {

Duration read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace

Instant current_instant() {
  return {BootTime{read_clock(CLOCK_BOOTTIME)}, WallTime{read_clock(CLOCK_REALTIME)}};
}

}  // namespace gala
