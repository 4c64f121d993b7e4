// Drives one stage: real sockets and clocks (Loop), or recordings in virtual time (replay_offline).
#pragma once

#include <string>
#include <vector>

#include "runtime/core/link.h"
#include "runtime/core/stage.h"

namespace gala::detail {

/// What the loop needs to know beyond the stage itself.
struct LoopOptions {
  StageContext context;
  StageDescription description;
  Links::Options links;
  /// Ticks come this long after each multiple of the period, so that a window's data has gone past.
  Duration tick_offset{0};
  /// "127.0.0.1:9470" to answer Prometheus there; "" = nowhere.
  std::string metrics_address;
};

/// Runs until SIGTERM, SIGINT or the stage has finished; then drains within two seconds. Returns
/// the exit code: 0, or 1 when the stage or its sockets could not start, or
/// cannot be waited for.
int run_loop(AnyStage& stage, const LoopOptions& options);

/// Feeds the recordings, merged by time, in virtual time; what leaves the ports goes to `output`.
/// Deterministic: equal inputs give equal bytes. Returns the exit code.
int replay_offline(AnyStage& stage, const LoopOptions& options,
                   const std::vector<std::string>& inputs, const std::string& output);

}  // namespace gala::detail
