// `gala top`: what each stage does, from two collections of statuses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cli/status.h"

namespace gala {

/// One stage between two moments. Rates are per second.
struct StageLoad {
  std::string stage;
  std::string run;
  wire::Health health = wire::Health::starting;
  /// Seconds since its last status; a stage that is silent for some seconds is not running.
  double silent_s = 0;
  double in_per_s = 0;
  double out_per_s = 0;
  double bytes_out_per_s = 0;
  /// The largest age of a message among its inputs when it was handled.
  double lag_s = 0;
  /// Messages sent to it that it has not taken yet.
  std::int64_t queued = 0;
  /// Dropped by its outgoing edges, missing on or refused by its incoming ones, since it started.
  std::uint64_t lost = 0;
  double cores = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t proportional_bytes = 0;
  std::vector<std::string> complaints;
};

/// In the order of the names. `now_ns` is boot time. Stages without an earlier status have no rates
/// yet.
std::vector<StageLoad> stage_loads(const Statuses& earlier, const Statuses& now,
                                   std::uint64_t now_ns);

/// A table at most `width` columns wide, complaints below it.
std::string top_text(std::string_view pipeline, const std::vector<StageLoad>& loads,
                     std::size_t width);

/// One line.
std::string top_json(std::string_view pipeline, const std::vector<StageLoad>& loads);

/// "ok", "degraded", …; "silent" for a stage that has said nothing for some seconds.
std::string_view health_word(const StageLoad& load);

}  // namespace gala
