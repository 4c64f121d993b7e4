// Any bytes as the parts of a message: what verifies can be read and said as JSON without a crash.
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/core/messages.h"
#include "runtime/core/wire.h"
#include "runtime/text/json.h"
#include "stages/file-sink/profile_json.h"

namespace {

// One overload for each message that a sink says as JSON; the list of messages finds them.
std::string said(const gala::wire::Event& event) { return gala::event_json(event); }
std::string said(const gala::wire::Diagnosis& diagnosis) { return gala::diagnosis_json(diagnosis); }
std::string said(const gala::wire::Incident& incident) { return gala::incident_json(incident); }
std::string said(const gala::wire::StackProfile& profile) {
  return gala::file_sink::profile_json(profile);
}
void said(const gala::wire::Observations& rows) { gala::observation_json(rows); }

/// Reads every field, the way a sink does.
void say(const gala::Frame& frame) {
  gala::visit_message(frame.envelope.type, [&](auto entry) {
    using Table = typename decltype(entry)::Table;
    if constexpr (requires(const Table& table) { said(table); }) {
      said(*flatbuffers::GetRoot<Table>(frame.payload.data()));
    }
  });
}

}  // namespace

// The first byte is the message type; a header that fits is made for it, so that the payload is
// reached.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::vector<std::uint8_t> payload(data + 1, data + size);
  gala::Envelope envelope;
  envelope.type = static_cast<gala::wire::MessageType>(data[0] % (gala::message_count + 1));
  const gala::wire::Header header = gala::make_header(envelope, payload.size());
  std::array<std::uint8_t, sizeof(header)> bytes{};
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (const auto frame = gala::open_frame("fuzz", bytes, payload)) {
    say(*frame);
  }
  return 0;
}
