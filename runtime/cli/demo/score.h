// Whether a diagnosis names what was injected.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace gala::demo {

/// What the injector knows and no stage is told.
struct Truth {
  std::string fault;
  /// Process ids, device names: what an entity's id or a label must contain to be the injected one.
  std::vector<std::string> marks;
};

/// Rank (1 = first) of the best cause that names what was injected; nothing when none does.
/// `diagnosis`: a line of diagnoses.jsonl.
std::optional<std::size_t> rank_of_injected(const nlohmann::json& diagnosis, const Truth& truth);

/// "gala_gopher_disk_latency" → "disk_latency"; anything else as it is.
std::string short_metric(const std::string& metric_id);

}  // namespace gala::demo
