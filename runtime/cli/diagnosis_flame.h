// The call stacks that belong to a diagnosis: those of its causes' processes while the KPI
// suffered.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/cli/flame_graph.h"

namespace gala {

/// The process of a cause, when it has one, and the time to look at, unix milliseconds.
struct ProfileWish {
  std::uint64_t tgid = 0;
  std::string comm;
  /// Position of the cause, from 1.
  std::size_t rank = 0;
  /// "memory" for causes with that keyword, otherwise "cpu".
  std::string kind;
  std::int64_t since_ms = 0;
  std::int64_t until_ms = 0;
};

/// Each process of the best `causes` causes once. Takes any JSON.
std::vector<ProfileWish> profile_wishes(const nlohmann::json& diagnosis, std::size_t causes);

/// What profiles.jsonl has for a wish.
struct FoundProfile {
  FlameGraph graph;
  FlameGraph::Labels labels;
};

/// A line of profiles.jsonl: adds its stacks when they are of that process, kind and time.
void add_profile(const nlohmann::json& line, const ProfileWish& wish, FoundProfile& found);

/// `gala flame …`, as a person would type it to see the same.
std::string flame_command(const ProfileWish& wish, const std::string& pipeline);

}  // namespace gala
