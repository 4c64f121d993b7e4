// Any bytes as the memory of dedup: refused or taken, it goes on, also with events of what was
// kept, and what it saves then loads again.
#include <cstdlib>

#include "runtime/model/event.h"
#include "schemas/memory/incidents_generated.h"
#include "stages/dedup/dedup.h"

namespace {

using gala::dedup::Dedup;

constexpr std::size_t most_events = 30;

const gala::StageContext& context() {
  static const gala::Model model;
  static const gala::StageContext context{model, "m1", "p", "dedup", std::chrono::seconds(1),
                                          "",    ""};
  return context;
}

bool loads(std::span<const std::uint8_t> memory) {
  return Dedup(Dedup::Config{}, context()).load(memory).has_value();
}

/// Events of the incidents in `memory`, which a dedup saved; every third is over.
std::vector<gala::wire::EventT> events_in(std::span<const std::uint8_t> memory) {
  std::vector<gala::wire::EventT> events;
  for (const auto* kept : *gala::memory::GetIncidents(memory.data())->incidents()) {
    for (const auto* told : *kept->told()->events()) {
      if (events.size() == most_events) {
        return events;
      }
      gala::wire::EventT& event = events.emplace_back();
      event.event_id = gala::text_of(told->event_id());
      event.entity_id = gala::text_of(told->entity_id());
      event.entity = gala::text_of(told->entity());
      event.machine_id = gala::text_of(told->machine_id());
      event.metric = gala::text_of(told->metric());
      event.started_ns = told->started_ns();
      event.updated_ns = told->last_abnormal_ns();
      event.state =
          events.size() % 3 == 0 ? gala::wire::EventState::closed : gala::wire::EventState::updated;
    }
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // FlatBuffers are read in place: as aligned as the runtime's own copy of the file.
  const std::vector<std::uint8_t> bytes(data, data + size);
  gala::Outbox out;
  Dedup dedup(Dedup::Config{}, context());
  const bool taken = dedup.load(bytes).has_value();
  const std::vector<std::uint8_t> saved = dedup.save();
  if (taken && !loads(saved)) {
    std::abort();
  }
  const std::vector<gala::wire::EventT> events = events_in(saved);
  for (const int second : {1, 2, 100, 200}) {
    const gala::BootTime now{std::chrono::seconds(second)};
    dedup.tick({now, {}}, out);
    for (const gala::wire::EventT& event : events) {
      const auto message = gala::to_message(event);
      dedup.on(*gala::wire::GetEvent(message.data()), gala::Envelope{}, out);
    }
    out.clear();
  }
  if (!loads(dedup.save())) {
    std::abort();
  }
  return 0;
}
