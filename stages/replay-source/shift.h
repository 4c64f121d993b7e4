// Moves all times inside a recorded message.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/core/time.h"
#include "schemas/wire/envelope_generated.h"

namespace gala::replay_source {

/// What is added to boot times, and the wall offset that replaces the recorded one.
struct TimeShift {
  Duration boot{0};
  std::int64_t wall_offset_ns = 0;
};

/// A copy of `payload` with every time of the message moved. Ids (of events, of processes with
/// their start time) stay as recorded: they are identities. Requires: a verified payload of that
/// type.
std::vector<std::uint8_t> shifted(wire::MessageType type, std::span<const std::uint8_t> payload,
                                  TimeShift shift);

}  // namespace gala::replay_source
