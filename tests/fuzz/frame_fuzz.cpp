// Any bytes as the parts of a message: what verifies can be read and said as JSON without a crash.
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "runtime/json.h"
#include "runtime/profile_json.h"
#include "runtime/wire.h"

namespace {

/// Reads every field, the way a sink does.
void say(const gala::Frame& frame) {
  const std::uint8_t* payload = frame.payload.data();
  switch (frame.envelope.type) {
    case gala::wire::MessageType::event:
      gala::event_json(*flatbuffers::GetRoot<gala::wire::Event>(payload));
      break;
    case gala::wire::MessageType::diagnosis:
      gala::diagnosis_json(*flatbuffers::GetRoot<gala::wire::Diagnosis>(payload));
      break;
    case gala::wire::MessageType::incident:
      gala::incident_json(*flatbuffers::GetRoot<gala::wire::Incident>(payload));
      break;
    case gala::wire::MessageType::stack_profile:
      gala::profile_json(*flatbuffers::GetRoot<gala::wire::StackProfile>(payload));
      break;
    case gala::wire::MessageType::observations:
      gala::observation_json(*flatbuffers::GetRoot<gala::wire::Observations>(payload));
      break;
    default:
      break;
  }
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
  envelope.type = static_cast<gala::wire::MessageType>(data[0] % 10);
  const gala::wire::Header header = gala::make_header(envelope, payload.size());
  std::array<std::uint8_t, sizeof(header)> bytes{};
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (const auto frame = gala::open_frame("fuzz", bytes, payload)) {
    say(*frame);
  }
  return 0;
}
