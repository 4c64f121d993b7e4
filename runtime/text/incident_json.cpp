// Incidents as the documented JSON.
#include <array>

#include "runtime/text/json.h"
#include "runtime/text/json_parts.h"

namespace gala {
namespace {

std::string_view state_text(wire::IncidentState state) {
  constexpr std::array<std::string_view, 4> words{"open", "updated", "closed", "merged"};
  const auto index = static_cast<std::size_t>(state);
  return index < words.size() ? words[index] : "updated";
}

std::string_view state_text(wire::EventState state) {
  return state == wire::EventState::closed ? "closed" : "open";
}

std::string_view reason_text(wire::FoldReason reason) {
  constexpr std::array<std::string_view, 5> words{"first", "same_entity", "known_cause", "related",
                                                  "same_host"};
  const auto index = static_cast<std::size_t>(reason);
  return index < words.size() ? words[index] : "related";
}

Json event_json(const wire::FoldedEvent& event, std::int64_t offset) {
  Json path = Json::array();
  if (event.path() != nullptr) {
    for (const flatbuffers::String* id : *event.path()) {
      path.push_back(text_of(id));
    }
  }
  return {{"event_id", text_of(event.event_id())},
          {"entity_id", text_of(event.entity_id())},
          {"metric", metric_id(text_of(event.entity()), text_of(event.metric()))},
          {"machine_id", text_of(event.machine_id())},
          {"event_type", event.kind() == wire::EventKind::app ? "app" : "sys"},
          {"state", state_text(event.state())},
          {"SeverityText", severity_text(event.severity())},
          {"started", wall_ms(event.started_ns(), offset)},
          {"duration", seconds_between(event.started_ns(), event.last_abnormal_ns())},
          {"occurred count", event.occurrences()},
          {"reason", reason_text(event.reason())},
          {"folded_to", text_of(event.folded_to())},
          {"path", std::move(path)},
          {"description", text_of(event.text())},
          {"description_zh", text_of(event.text_zh())}};
}

}  // namespace

std::string incident_json(const wire::Incident& incident) {
  const std::int64_t offset = incident.wall_offset_ns();
  const auto* events = incident.events();
  Json folded = Json::array();
  const wire::FoldedEvent* headline = nullptr;
  if (events != nullptr) {
    for (const wire::FoldedEvent* event : *events) {
      folded.push_back(event_json(*event, offset));
    }
    headline = incident.headline() < events->size() ? events->Get(incident.headline()) : nullptr;
  }
  const auto said = [headline](auto member) {
    return headline == nullptr ? std::string_view() : text_of((headline->*member)());
  };
  const std::string_view id = text_of(incident.incident_id());
  const Json attributes = {
      {"event_id", id},
      {"event_type", "incident"},
      {"event_source", "gala-ops"},
      {"version", incident.version()},
      {"state", state_text(incident.state())},
      {"started", wall_ms(incident.started_ns(), offset)},
      {"duration", seconds_between(incident.started_ns(), incident.updated_ns())},
      {"entity_id", said(&wire::FoldedEvent::entity_id)},
      {"machine_id", said(&wire::FoldedEvent::machine_id)},
      {"events", incident.total()},
      {"open_events", incident.open()},
      {"entities", incident.entities()},
      {"machines", incident.machines()},
      {"merged_into", text_of(incident.merged_into())}};
  return dump(
      {{"Timestamp", wall_ms(incident.updated_ns(), offset)},
       {"event_id", id},
       {"Attributes", attributes},
       {"Resource",
        {{"metric", metric_id(said(&wire::FoldedEvent::entity), said(&wire::FoldedEvent::metric))},
         {"description", said(&wire::FoldedEvent::text)},
         {"description_zh", said(&wire::FoldedEvent::text_zh)},
         {"events", std::move(folded)}}},
       {"SeverityText", severity_text(incident.severity())},
       {"SeverityNumber", static_cast<int>(incident.severity())},
       {"Body", said(&wire::FoldedEvent::text)}});
}

}  // namespace gala
