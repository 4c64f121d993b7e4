// Moments as people write them, the same for every option that takes a time.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/core/result.h"
#include "runtime/core/time.h"

namespace gala {

/// What such an option says in its help.
inline constexpr std::string_view moment_forms =
    "10m (that long ago), now, 11:40, 2026-11-22T11:40 (Z or +08:00 may follow), Unix seconds";

/// "now"; a duration, which is that long ago; a time of today, a day, or both (ISO 8601, a blank
/// may stand for the T), in local time unless a zone follows; Unix seconds, or milliseconds as
/// journals have them. Gives Unix milliseconds.
Result<std::int64_t> parse_moment(std::string_view text, WallTime now);

}  // namespace gala
