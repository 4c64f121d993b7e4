// A tapped message as lines of JSON: one for each row of a table, one for anything else.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/core/result.h"
#include "runtime/core/wire.h"
#include "runtime/text/reflect.h"

namespace gala {

/// Each line begins with time (wall clock), stage, port, sequence and type; then the message's own
/// fields, and those of the row. Histograms carry p50, p95 and p99 beside their buckets.
Result<std::vector<nlohmann::ordered_json>> tap_lines(const Reflection& reflection,
                                                      const Frame& frame);

}  // namespace gala
