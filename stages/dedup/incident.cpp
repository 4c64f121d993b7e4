// Counting, and the message.
#include "stages/dedup/incident.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

namespace gala::dedup {
namespace {

/// A message lists at most that many events; the counts cover all.
constexpr std::size_t most_listed = 200;

std::uint32_t saturated(std::uint64_t count) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

Incident::Incident(const wire::EventT& first, std::uint64_t heard_at_ns)
    : begun_ns(heard_at_ns),
      heard_ns(heard_at_ns),
      id_("incident_" + first.event_id),
      machine_id_(first.machine_id),
      started_ns_(first.started_ns),
      updated_ns_(first.updated_ns),
      wall_offset_ns_(first.wall_offset_ns) {
  add(first, {});
}

Incident::Incident(wire::IncidentT told_before, std::string machine_id)
    : told(true),
      news(false),
      told_severity(told_before.severity),
      id_(std::move(told_before.incident_id)),
      machine_id_(std::move(machine_id)),
      severity_(told_before.severity),
      started_ns_(told_before.started_ns),
      updated_ns_(told_before.updated_ns),
      wall_offset_ns_(told_before.wall_offset_ns),
      total_(told_before.total),
      version_(told_before.version) {
  for (const auto& event : told_before.events) {
    events_.push_back(std::move(*event));
    events_.back().state = wire::EventState::closed;
  }
}

std::uint64_t Incident::here(const MachineTime& time) const {
  if (time.machine_id == machine_id_) {
    return time.boot_ns;  // Whatever its wall clock did in between.
  }
  // Hostile times wrap instead of being undefined.
  return time.boot_ns + static_cast<std::uint64_t>(time.wall_offset_ns) -
         static_cast<std::uint64_t>(wall_offset_ns_);
}

MachineTime Incident::there(std::uint64_t boot_ns) const {
  return {machine_id_, boot_ns, wall_offset_ns_};
}

void Incident::add(const wire::EventT& event, Fold fold) {
  wire::FoldedEventT folded;
  folded.event_id = event.event_id;
  folded.entity_id = event.entity_id;
  folded.entity = event.entity;
  folded.machine_id = event.machine_id;
  folded.metric = event.metric;
  folded.kind = event.kind;
  folded.started_ns = here({event.machine_id, event.started_ns, event.wall_offset_ns});
  folded.reason = fold.reason;
  folded.folded_to = std::move(fold.to);
  folded.path = std::move(fold.path);
  folded.state = wire::EventState::closed;
  started_ns_ = std::min(started_ns_, folded.started_ns);
  events_.push_back(std::move(folded));
  ++total_;
  update(event);
}

void Incident::fold(const wire::EventT& event, Fold fold) {
  add(event, std::move(fold));
  news = true;
}

bool Incident::update(const wire::EventT& event) {
  const auto found = std::find_if(events_.begin(), events_.end(),
                                  [&](const auto& one) { return one.event_id == event.event_id; });
  if (found == events_.end()) {
    return false;
  }
  const bool was_open = found->state != wire::EventState::closed;
  const bool is_open = event.state != wire::EventState::closed;
  open_ += is_open && !was_open ? 1U : 0U;
  open_ -= was_open && !is_open ? 1U : 0U;
  news = news || (was_open != is_open);
  found->state = is_open ? wire::EventState::open : wire::EventState::closed;
  found->severity = std::max(found->severity, event.severity);
  found->last_abnormal_ns = here({event.machine_id, event.last_abnormal_ns, event.wall_offset_ns});
  found->occurrences = event.occurrences;
  found->text = event.text;
  found->text_zh = event.text_zh;
  severity_ = std::max(severity_, event.severity);
  updated_ns_ =
      std::max(updated_ns_, here({event.machine_id, event.updated_ns, event.wall_offset_ns}));
  return true;
}

void Incident::rename(std::string_view event_id, const std::string& new_id) {
  for (wire::FoldedEventT& event : events_) {
    for (std::string* id : {&event.event_id, &event.folded_to}) {
      if (*id == event_id) {
        *id = new_id;
      }
    }
  }
}

void Incident::absorb(Incident&& other, Fold fold) {
  if (!other.events_.empty() && other.events_.front().reason == wire::FoldReason::first) {
    other.events_.front().reason = fold.reason;
    other.events_.front().folded_to = std::move(fold.to);
    other.events_.front().path = std::move(fold.path);
  }
  for (wire::FoldedEventT& event : other.events_) {
    event.started_ns = here(other.there(event.started_ns));
    event.last_abnormal_ns = here(other.there(event.last_abnormal_ns));
    events_.push_back(std::move(event));
  }
  started_ns_ = std::min(started_ns_, here(other.there(other.started_ns_)));
  updated_ns_ = std::max(updated_ns_, here(other.there(other.updated_ns_)));
  severity_ = std::max(severity_, other.severity_);
  open_ += other.open_;
  total_ += other.total_;
  heard_ns = std::max(heard_ns, other.heard_ns);
  news = true;
}

std::optional<wire::FoldedEventT> Incident::forget_one() {
  const auto found = std::find_if(events_.begin(), events_.end(), [](const auto& event) {
    return event.state == wire::EventState::closed;
  });
  if (found == events_.end()) {
    return std::nullopt;
  }
  wire::FoldedEventT forgotten = std::move(*found);
  events_.erase(found);
  return forgotten;
}

const wire::FoldedEventT* Incident::find(std::string_view event_id) const {
  const auto found = std::find_if(events_.begin(), events_.end(),
                                  [&](const auto& one) { return one.event_id == event_id; });
  return found == events_.end() ? nullptr : &*found;
}

std::uint32_t Incident::headline(std::size_t listed) const {
  const auto rank = [this](std::size_t index) {
    const wire::FoldedEventT& event = events_[index];
    return std::tuple(event.kind == wire::EventKind::app ? 0 : 1, -static_cast<int>(event.severity),
                      event.started_ns, index);
  };
  std::size_t best = 0;
  for (std::size_t index = 1; index < listed; ++index) {
    best = rank(index) < rank(best) ? index : best;
  }
  return static_cast<std::uint32_t>(best);
}

std::vector<std::uint8_t> Incident::message(wire::IncidentState state,
                                            const std::string& merged_into) {
  ++version_;
  const wire::IncidentT out = content(state, merged_into);
  flatbuffers::FlatBufferBuilder builder(4096);
  wire::FinishIncidentBuffer(builder, wire::Incident::Pack(builder, &out));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

wire::IncidentT Incident::checkpoint() const { return content(wire::IncidentState::updated, {}); }

wire::IncidentT Incident::content(wire::IncidentState state, const std::string& merged_into) const {
  wire::IncidentT out;
  out.incident_id = id_;
  out.version = version_;
  out.state = state;
  out.severity = severity_;
  out.started_ns = started_ns_;
  out.updated_ns = updated_ns_;
  out.wall_offset_ns = wall_offset_ns_;
  out.total = saturated(total_);
  out.open = saturated(open_);
  out.merged_into = merged_into;
  std::set<std::string_view> entities;
  std::set<std::string_view> machines;
  for (const wire::FoldedEventT& event : events_) {
    entities.insert(event.entity_id);
    machines.insert(event.machine_id);
  }
  out.entities = saturated(entities.size());
  out.machines = saturated(machines.size());
  const std::size_t listed = std::min(events_.size(), most_listed);
  out.headline = headline(listed);
  for (std::size_t index = 0; index < listed; ++index) {
    out.events.push_back(std::make_unique<wire::FoldedEventT>(events_[index]));
  }
  return out;
}

}  // namespace gala::dedup
