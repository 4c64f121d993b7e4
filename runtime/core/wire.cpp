// Building and verifying the parts of a message.
#include "runtime/core/wire.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "runtime/core/messages.h"

namespace gala {
namespace {

using wire::MessageType;

constexpr std::uint16_t header_version = 1;
// Depth and table count bound what a hostile buffer can make the verifier walk.
constexpr flatbuffers::uoffset_t max_depth = 16;
constexpr flatbuffers::uoffset_t max_tables = 4'000'000;

bool verify(MessageType type, std::span<const std::uint8_t> payload) {
  flatbuffers::Verifier verifier(payload.data(), payload.size(), max_depth, max_tables);
  bool valid = false;
  visit_message(type, [&](auto entry) {
    using Table = typename decltype(entry)::Table;
    valid = verifier.VerifyBuffer<Table>(entry.identifier());
  });
  return valid;
}

// The two names end the header, 32 bytes each.
constexpr std::size_t name_bytes = 32;
constexpr std::size_t stage_offset = sizeof(wire::Header) - 2 * name_bytes;
constexpr std::size_t port_offset = sizeof(wire::Header) - name_bytes;

std::string_view name_at(std::span<const std::uint8_t> header, std::size_t offset) {
  const auto* bytes = reinterpret_cast<const char*>(header.data() + offset);
  return {bytes, static_cast<std::size_t>(std::find(bytes, bytes + name_bytes, '\0') - bytes)};
}

std::array<std::uint8_t, name_bytes> padded(std::string_view text) {
  std::array<std::uint8_t, name_bytes> bytes{};
  std::copy_n(text.begin(), std::min(text.size(), bytes.size()), bytes.begin());
  return bytes;
}

}  // namespace

Result<Frame> open_frame(std::string_view topic, std::span<const std::uint8_t> header,
                         std::span<const std::uint8_t> payload) {
  if (header.size() != sizeof(wire::Header)) {
    return fail("header of " + std::to_string(header.size()) + " bytes, not " +
                std::to_string(sizeof(wire::Header)));
  }
  wire::Header fields;  // copied: the part may lie at any address
  std::memcpy(&fields, header.data(), sizeof(fields));
  if (fields.version() != header_version) {
    return fail("header version " + std::to_string(fields.version()) + " is not known here");
  }
  if (fields.payload_bytes() != payload.size() || payload.size() > max_payload_bytes) {
    return fail("payload of " + std::to_string(payload.size()) + " bytes where the header says " +
                std::to_string(fields.payload_bytes()));
  }
  if (payload.size() < 8 || std::bit_cast<std::uintptr_t>(payload.data()) % 8 != 0 ||
      !verify(fields.type(), payload)) {
    return fail("payload is not a valid " + std::string(type_name(fields.type())) + " message");
  }
  Frame frame;
  frame.envelope = {fields.type(),
                    name_at(header, stage_offset),
                    name_at(header, port_offset),
                    fields.epoch_ns(),
                    fields.sequence(),
                    {BootTime::from_ns(fields.boot_ns()),
                     WallTime{Duration{static_cast<std::int64_t>(fields.wall_ns())}}}};
  frame.topic = topic;
  frame.header = header;
  frame.payload = payload;
  return frame;
}

wire::Header make_header(const Envelope& envelope, std::size_t payload_bytes) {
  const auto stage = padded(envelope.stage);
  const auto port = padded(envelope.port);
  return {header_version,
          envelope.type,
          static_cast<std::uint32_t>(payload_bytes),
          envelope.epoch_ns,
          envelope.sequence,
          envelope.sent.boot.ns(),
          static_cast<std::uint64_t>(envelope.sent.wall.ns()),
          flatbuffers::span<const std::uint8_t, name_bytes>(stage.data(), stage.size()),
          flatbuffers::span<const std::uint8_t, name_bytes>(port.data(), port.size())};
}

std::string make_topic(MessageType type, std::string_view subject) {
  std::string topic(type_name(type));
  return subject.empty() ? topic : topic.append("/").append(subject);
}

std::string_view type_name(MessageType type) {
  return visit_message(type, [](auto) {}) ? wire::EnumNameMessageType(type) : "unknown";
}

MessageType type_from_name(std::string_view name) {
  const auto* found = std::ranges::find(message_types, name, type_name);
  return found == message_types.end() ? MessageType::none : *found;
}

}  // namespace gala
