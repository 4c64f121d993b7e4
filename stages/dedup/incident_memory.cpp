// What lasts over a restart of dedup: incidents that were told keep their ids.
#include "runtime/core/wire.h"
#include "schemas/memory/incidents_generated.h"
#include "stages/dedup/incident_book.h"

namespace gala::dedup {
namespace {

constexpr std::uint16_t memory_version = 1;
/// Of an incident and its events, for the verifier.
constexpr std::size_t most_tables_per_incident = 1024;
constexpr std::size_t deepest_memory = 8;

std::string metric_key(const std::string& entity_id, const std::string& metric) {
  return entity_id + '\n' + metric;  // No event id has this character.
}

/// Verified, and of this version.
Result<const memory::Incidents*> open_memory(std::span<const std::uint8_t> bytes,
                                             std::size_t most_incidents) {
  constexpr std::size_t smallest = 2 * sizeof(std::uint32_t);  // root and identifier
  if (bytes.size() < smallest || !memory::IncidentsBufferHasIdentifier(bytes.data())) {
    return fail("is of an older version or no memory of dedup; incidents that last get new ids");
  }
  flatbuffers::Verifier verifier(
      bytes.data(), bytes.size(), deepest_memory,
      static_cast<flatbuffers::uoffset_t>(most_incidents * most_tables_per_incident));
  if (!memory::VerifyIncidentsBuffer(verifier)) {
    return fail("is damaged; incidents that last get new ids");
  }
  const memory::Incidents* kept = memory::GetIncidents(bytes.data());
  if (kept->version() != memory_version) {
    return fail("is of version " + std::to_string(kept->version()) + ", not " +
                std::to_string(memory_version) + "; incidents that last get new ids");
  }
  return kept;
}

/// What every incident that was told has.
bool is_whole(const memory::KeptIncident& kept) {
  const wire::Incident* told = kept.told();
  return told != nullptr && !text_of(told->incident_id()).empty() && told->events() != nullptr &&
         told->events()->size() > 0;
}

}  // namespace

std::vector<std::uint8_t> IncidentBook::save() const {
  flatbuffers::FlatBufferBuilder builder(4096);
  std::vector<flatbuffers::Offset<memory::KeptIncident>> kept;
  for (const auto* incidents : {&earlier_, &incidents_}) {
    for (const auto& [number, incident] : *incidents) {
      if (incident.told) {
        const wire::IncidentT told = incident.checkpoint();
        const auto message = wire::Incident::Pack(builder, &told);
        kept.push_back(memory::CreateKeptIncidentDirect(
            builder, message, std::string(incident.there(0).machine_id).c_str()));
      }
    }
  }
  const auto root = memory::CreateIncidentsDirect(builder, memory_version, &kept);
  memory::FinishIncidentsBuffer(builder, root);
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

Result<> IncidentBook::load(std::span<const std::uint8_t> bytes) {
  const memory::Incidents* kept = TRY(open_memory(bytes, limits_.incidents));
  if (kept->incidents() == nullptr) {
    return {};
  }
  std::size_t left_out = 0;
  for (const memory::KeptIncident* one : *kept->incidents()) {
    if (!is_whole(*one) || earlier_.size() >= limits_.incidents) {
      ++left_out;
      continue;
    }
    wire::IncidentT told;
    one->told()->UnPackTo(&told);
    const Number number = ++last_;
    for (const auto& event : told.events) {
      earlier_of_event_[event->event_id] = number;
      // Of two events of one metric the one that lasts is the one that goes on.
      std::string& id = earlier_event_of_metric_[metric_key(event->entity_id, event->metric)];
      if (id.empty() || event->state != wire::EventState::closed) {
        id = event->event_id;
      }
    }
    earlier_.try_emplace(number, std::move(told), std::string(text_of(one->machine_id())));
  }
  if (left_out > 0) {
    return fail("holds " + std::to_string(left_out) +
                " incidents without events or beyond max_incidents; they get new ids");
  }
  return {};
}

void IncidentBook::resume(const wire::EventT& event) {
  std::string id = event.event_id;
  const auto of_metric = earlier_event_of_metric_.find(metric_key(event.entity_id, event.metric));
  if (of_metric != earlier_event_of_metric_.end()) {
    if (!earlier_of_event_.contains(id) && !of_event_.contains(id)) {
      id = of_metric->second;
    }
    earlier_event_of_metric_.erase(of_metric);
  }
  if (const auto known = earlier_of_event_.find(id); known != earlier_of_event_.end()) {
    revive(known->second);
  }
  const auto place = of_event_.find(id);
  if (id == event.event_id || place == of_event_.end()) {
    return;
  }
  const Number number = place->second;
  incidents_.at(number).rename(id, event.event_id);
  of_event_.erase(place);
  of_event_[event.event_id] = number;
}

void IncidentBook::revive(Number number) {
  Incident& incident = incidents_.insert(earlier_.extract(number)).position->second;
  for (const wire::FoldedEventT& folded : incident.events()) {
    earlier_of_event_.erase(folded.event_id);
    index(number, folded);
  }
  const auto nanoseconds = [](Duration duration) {
    return static_cast<std::uint64_t>(std::max<Duration::rep>(0, duration.count()));
  };
  incident.heard_ns = now_ns_;
  // Told again when its other events had the time to be heard of too.
  incident.next_ns = now_ns_ + nanoseconds(limits_.settle);
  incident.pause_ns = nanoseconds(limits_.update_period);
}

void IncidentBook::forget_earlier(Outbox& out) {
  if (earlier_.empty() && earlier_event_of_metric_.empty()) {
    return;
  }
  if (earlier_until_ns_ == 0) {
    earlier_until_ns_ = now_ns_ + static_cast<std::uint64_t>(limits_.quiet.count());
  }
  if (now_ns_ < earlier_until_ns_) {
    return;
  }
  for (auto& [number, incident] : earlier_) {
    tell(incident, wire::IncidentState::closed, out);
  }
  earlier_.clear();
  earlier_of_event_.clear();
  earlier_event_of_metric_.clear();
}

}  // namespace gala::dedup
