// What lasts over a restart of dedup: incidents that were told keep their ids.
#include <cstring>

#include "stages/dedup/incident_book.h"

namespace gala::dedup {
namespace {

/// Layout: this word, then for each incident its message and its machine's id, each after its
/// length.
constexpr std::string_view memory_format = "incidents 1";

void put(std::vector<std::uint8_t>& bytes, std::span<const std::uint8_t> part) {
  const auto size = static_cast<std::uint32_t>(part.size());
  const auto* raw = reinterpret_cast<const std::uint8_t*>(&size);
  bytes.insert(bytes.end(), raw, raw + sizeof(size));
  bytes.insert(bytes.end(), part.begin(), part.end());
}

void put(std::vector<std::uint8_t>& bytes, std::string_view text) {
  put(bytes, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string metric_key(const std::string& entity_id, const std::string& metric) {
  return entity_id + '\n' + metric;  // No event id has this character.
}

/// The next part of `bytes`, which it is taken from; nothing when they end early.
std::optional<std::vector<std::uint8_t>> take_part(std::span<const std::uint8_t>& bytes) {
  std::uint32_t size = 0;
  if (bytes.size() < sizeof(size)) {
    return std::nullopt;
  }
  std::memcpy(&size, bytes.data(), sizeof(size));
  bytes = bytes.subspan(sizeof(size));
  if (bytes.size() < size) {
    return std::nullopt;
  }
  // A copy: a message is read in place only where it is aligned.
  std::vector<std::uint8_t> part(bytes.begin(), bytes.begin() + size);
  bytes = bytes.subspan(size);
  return part;
}

}  // namespace

std::vector<std::uint8_t> IncidentBook::save() const {
  std::vector<std::uint8_t> bytes;
  put(bytes, memory_format);
  for (const auto* incidents : {&earlier_, &incidents_}) {
    for (const auto& [number, incident] : *incidents) {
      if (incident.told) {
        put(bytes, incident.last_message());
        put(bytes, incident.there(0).machine_id);
      }
    }
  }
  return bytes;
}

Result<> IncidentBook::load(std::span<const std::uint8_t> bytes) {
  const auto format = take_part(bytes);
  if (!format || std::string_view(reinterpret_cast<const char*>(format->data()), format->size()) !=
                     memory_format) {
    return fail("is of another version; incidents that last get new ids");
  }
  while (!bytes.empty() && earlier_.size() < limits_.incidents) {
    const auto message = take_part(bytes);
    const auto machine = take_part(bytes);
    if (!message || !machine) {
      return fail("ends early; incidents that it does not hold get new ids");
    }
    flatbuffers::Verifier verifier(message->data(), message->size());
    if (!wire::VerifyIncidentBuffer(verifier)) {
      return fail("holds no incident where one should be; those behind it get new ids");
    }
    wire::IncidentT told;
    wire::GetIncident(message->data())->UnPackTo(&told);
    const Number number = ++last_;
    for (const auto& event : told.events) {
      earlier_of_event_[event->event_id] = number;
      earlier_of_event_[metric_key(event->entity_id, event->metric)] = number;
    }
    earlier_.try_emplace(number, std::move(told), std::string(machine->begin(), machine->end()));
  }
  return {};
}

void IncidentBook::resume(const wire::EventT& event) {
  auto known = earlier_of_event_.find(event.event_id);
  if (known == earlier_of_event_.end()) {
    // Of several checks of the metric another may speak first now, which has another id.
    known = earlier_of_event_.find(metric_key(event.entity_id, event.metric));
  }
  if (known == earlier_of_event_.end()) {
    return;
  }
  const Number number = known->second;
  Incident& incident = incidents_.insert(earlier_.extract(number)).position->second;
  for (const wire::FoldedEventT& folded : incident.events()) {
    earlier_of_event_.erase(folded.event_id);
    earlier_of_event_.erase(metric_key(folded.entity_id, folded.metric));
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
  if (earlier_.empty()) {
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
}

}  // namespace gala::dedup
