// Messages at the edge of a process: the three parts (topic, header, payload), verified before
// anything is read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/result.h"
#include "runtime/core/time.h"
#include "schemas/wire/envelope_generated.h"

namespace gala {

/// Where a message came from and when. Views live as long as the frame.
struct Envelope {
  wire::MessageType type = wire::MessageType::none;
  std::string_view stage;
  std::string_view port;
  std::uint64_t epoch_ns = 0;
  std::uint64_t sequence = 0;
  Instant sent;
};

/// A verified message: an envelope and a payload that is safe to read in place.
struct Frame {
  Envelope envelope;
  std::string_view topic;
  std::span<const std::uint8_t> header;
  std::span<const std::uint8_t> payload;
};

/// Limits of one message; larger or deeper ones are refused.
inline constexpr std::size_t max_payload_bytes = std::size_t{64} << 20;

/// Checks header and payload (size, identifier, flatbuffers::Verifier). Requires: payload aligned
/// to 8.
Result<Frame> open_frame(std::string_view topic, std::span<const std::uint8_t> header,
                         std::span<const std::uint8_t> payload);

/// The header part for a payload.
wire::Header make_header(const Envelope& envelope, std::size_t payload_bytes);

/// "observations/tcp_link": message type, then what a subscriber filters by.
std::string make_topic(wire::MessageType type, std::string_view subject);

/// The text of a string in a message; "" where the message has none. A view into the message.
inline std::string_view text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view{} : std::string_view{text->c_str(), text->size()};
}

/// "observations" ↔ MessageType::observations.
std::string_view type_name(wire::MessageType type);
wire::MessageType type_from_name(std::string_view name);

}  // namespace gala
