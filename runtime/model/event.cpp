// Events as stages make them: their id and their finished message.
#include "runtime/model/event.h"

#include <array>

#include "runtime/model/model.h"

namespace gala {

std::string event_id(WallTime started, std::string_view entity_id, std::string_view metric) {
  const std::array<std::string, 1> tail{std::string(metric)};
  return gala::entity_id(std::to_string(started.ms()), entity_id, tail);
}

std::vector<std::uint8_t> to_message(const wire::EventT& event) {
  flatbuffers::FlatBufferBuilder builder(1024);
  wire::FinishEventBuffer(builder, wire::Event::Pack(builder, &event));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace gala
