// Events as stages make them: their id and their finished message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/time.h"
#include "schemas/wire/event_generated.h"

namespace gala {

/// "<start wall ms>_<entity_id>_<metric>" in the characters and the length that entity ids have.
std::string event_id(WallTime started, std::string_view entity_id, std::string_view metric);

/// Serialises `event` as a finished Event message.
std::vector<std::uint8_t> to_message(const wire::EventT& event);

}  // namespace gala
