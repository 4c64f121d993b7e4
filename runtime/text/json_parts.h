// What every encoder of JSON needs; included by .cpp files only, since it brings nlohmann-json
// along.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "runtime/core/wire.h"

namespace gala {

/// Keys stay in the order in which they were added.
using Json = nlohmann::ordered_json;

/// Bytes that are no UTF-8 become U+FFFD: a consumer must never meet a line it cannot parse.
inline std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Unix milliseconds of a boot time.
inline std::int64_t wall_ms(std::uint64_t boot_ns, std::int64_t wall_offset_ns) {
  // Hostile times may overflow; they wrap instead of being undefined.
  const auto wall_ns =
      static_cast<std::int64_t>(boot_ns + static_cast<std::uint64_t>(wall_offset_ns));
  return wall_ns / 1'000'000;
}

/// 0 where the second is not later.
inline double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / 1e9 : 0;
}

/// null where it is not a number.
inline Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace gala
