// Folding, merging, telling.
#include "stages/dedup/incident_book.h"

#include <algorithm>

namespace gala::dedup {
namespace {

/// An incident remembers at most that many events; the ones that closed first are forgotten.
constexpr std::size_t most_events = 1000;
/// Between two messages of an incident that goes on.
constexpr std::uint64_t longest_pause_ns = 300'000'000'000;
/// Young events that are looked at again in one tick.
constexpr std::size_t most_looks = 256;

std::uint64_t nanoseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::max<Duration::rep>(0, duration.count()));
}

using Effects = std::map<std::string, std::set<std::string>>;

/// Adds to what follows from a metric at once what follows from that.
void reach(std::set<std::string>& reached, const Effects& effects) {
  std::vector<std::string> open(reached.begin(), reached.end());
  while (!open.empty()) {
    const std::string from = std::move(open.back());
    open.pop_back();
    for (const std::string& next : effects.at(from)) {
      if (reached.insert(next).second) {
        open.push_back(next);
      }
    }
  }
}

Effects all_effects(const std::set<std::pair<std::string, std::string>>& known_causes) {
  Effects effects;
  for (const auto& [effect, cause] : known_causes) {
    effects[cause].insert(effect);
    effects[effect];
  }
  for (auto& [cause, reached] : effects) {
    reach(reached, effects);
  }
  return effects;
}

}  // namespace

IncidentBook::IncidentBook(const Model& model, const Relatives& relatives, Limits limits)
    : relatives_(relatives), limits_(limits) {
  for (const Entity& entity : model.entities()) {
    if (entity.level == "host") {
      host_entities_.insert(entity.name);
    }
    for (const Cause& cause : entity.causes) {
      known_causes_.emplace(entity.name + "." + cause.effect,
                            cause.entity + "." + cause.hazard.metric);
    }
  }
  effects_ = all_effects(known_causes_);
}

bool IncidentBook::is_host_resource(std::string_view entity) const {
  return host_entities_.contains(entity);
}

bool IncidentBook::is_known_cause(const Subject& subject, const wire::FoldedEventT& event) const {
  const std::string one = std::string(subject.entity) + "." + std::string(subject.metric);
  const std::string other = event.entity + "." + event.metric;
  return known_causes_.contains({one, other}) || known_causes_.contains({other, one});
}

bool IncidentBook::is_unrelated_fault(const Subject& subject,
                                      const wire::FoldedEventT& event) const {
  const std::string one = std::string(subject.entity) + "." + std::string(subject.metric);
  const std::string other = event.entity + "." + event.metric;
  const auto from_one = effects_.find(one);
  const auto from_other = effects_.find(other);
  if (one == other || from_one == effects_.end() || from_other == effects_.end()) {
    return false;
  }
  // A resource of which the model knows no effect may have any.
  const bool is_told = (!is_host_resource(subject.entity) || !from_one->second.empty()) &&
                       (!is_host_resource(event.entity) || !from_other->second.empty());
  return is_told && !from_one->second.contains(other) && !from_other->second.contains(one);
}

void IncidentBook::add_bond(const Subject& subject, Number number, const wire::FoldedEventT& event,
                            Incident::Fold fold, std::vector<Bond>& bonds) const {
  const std::uint64_t started = incidents_.at(number).here(subject.started);
  const std::uint64_t apart =
      std::max(started, event.started_ns) - std::min(started, event.started_ns);
  const bool known_cause =
      fold.reason != wire::FoldReason::same_entity && is_known_cause(subject, event);
  const bool lasts = event.state != wire::EventState::closed;
  const Duration window =
      fold.reason == wire::FoldReason::same_host && !known_cause ? limits_.same_time : limits_.join;
  const bool same_entity = fold.reason == wire::FoldReason::same_entity && lasts;
  if (!same_entity && apart > nanoseconds(window)) {
    return;
  }
  Bond bond{number, std::move(fold), 0};
  bond.fold.to = event.event_id;
  if (known_cause) {
    bond.fold.reason = wire::FoldReason::known_cause;
  }
  // Nearer is better, and of equals the model's word counts.
  bond.rank = (bond.fold.reason == wire::FoldReason::same_entity ? 0
               : bond.fold.path.empty()                          ? 100
                                                                 : bond.fold.path.size()) *
                  2 +
              (known_cause ? 0 : 1);
  bonds.push_back(std::move(bond));
}

void IncidentBook::bonds_by_host(const Subject& subject, std::vector<Bond>& bonds) const {
  const bool resource = is_host_resource(subject.entity);
  // Others than resources are bound by resources only, of which there are few.
  const auto& index = resource ? of_machine_ : resources_of_machine_;
  const auto numbers = index.find(std::string(subject.machine_id));
  if (numbers == index.end() || subject.machine_id.empty()) {
    return;
  }
  for (const Number number : numbers->second) {
    if (number == subject.own) {
      continue;
    }
    for (const wire::FoldedEventT& event : incidents_.at(number).events()) {
      if (event.machine_id == subject.machine_id && (resource || is_host_resource(event.entity)) &&
          !is_unrelated_fault(subject, event)) {
        add_bond(subject, number, event, {wire::FoldReason::same_host, {}, {}}, bonds);
      }
    }
  }
}

void IncidentBook::bonds_by_entity(const Subject& subject, std::string_view id,
                                   const Incident::Fold& fold, std::vector<Bond>& bonds) const {
  const auto numbers = of_entity_.find(std::string(id));
  if (numbers == of_entity_.end()) {
    return;
  }
  for (const Number number : numbers->second) {
    if (number == subject.own) {
      continue;
    }
    for (const wire::FoldedEventT& event : incidents_.at(number).events()) {
      if (event.entity_id == id) {
        add_bond(subject, number, event, fold, bonds);
      }
    }
  }
}

std::vector<IncidentBook::Bond> IncidentBook::bonds_of(const Subject& subject) const {
  std::vector<Bond> bonds;
  bonds_by_entity(subject, subject.entity_id, {wire::FoldReason::same_entity, {}, {}}, bonds);
  relatives_.search(
      subject.entity_id,
      [this](std::string_view id) { return of_entity_.contains(std::string(id)); },
      [&](std::string_view id, const std::vector<std::string_view>& path) {
        bonds_by_entity(subject, id, {wire::FoldReason::related, {}, {path.begin(), path.end()}},
                        bonds);
      });
  bonds_by_host(subject, bonds);
  std::stable_sort(bonds.begin(), bonds.end(),
                   [](const Bond& a, const Bond& b) { return a.rank < b.rank; });
  return bonds;
}

void IncidentBook::index(Number number, const wire::FoldedEventT& event) {
  of_event_[event.event_id] = number;
  of_entity_[event.entity_id].insert(number);
  of_machine_[event.machine_id].insert(number);
  if (is_host_resource(event.entity)) {
    resources_of_machine_[event.machine_id].insert(number);
  }
}

void IncidentBook::leave(Index& index, const std::string& key, Number number) {
  if (const auto found = index.find(key); found != index.end()) {
    found->second.erase(number);
    if (found->second.empty()) {
      index.erase(found);
    }
  }
}

void IncidentBook::forget_oldest(Number number, Incident& incident) {
  while (incident.events().size() > most_events) {
    const auto forgotten = incident.forget_one();
    if (!forgotten) {
      return;  // All are open: dedup bounds how many there can be.
    }
    of_event_.erase(forgotten->event_id);
    bool same_entity = false;
    bool same_machine = false;
    bool resource = false;
    for (const wire::FoldedEventT& event : incident.events()) {
      const bool here = event.machine_id == forgotten->machine_id;
      same_entity = same_entity || event.entity_id == forgotten->entity_id;
      same_machine = same_machine || here;
      resource = resource || (here && is_host_resource(event.entity));
    }
    if (!same_entity) {
      leave(of_entity_, forgotten->entity_id, number);
    }
    if (!same_machine) {
      leave(of_machine_, forgotten->machine_id, number);
    }
    if (!resource) {
      leave(resources_of_machine_, forgotten->machine_id, number);
    }
  }
}

void IncidentBook::hear(const wire::EventT& event, Outbox& out) {
  resume(event);
  if (const auto known = of_event_.find(event.event_id); known != of_event_.end()) {
    Incident& incident = incidents_.at(known->second);
    incident.update(event);
    incident.heard_ns = now_ns_;
    return;
  }
  if (event.state == wire::EventState::closed) {
    return;  // It began before this process did, or its incident is over.
  }
  const Subject subject{event.event_id,
                        event.entity_id,
                        event.entity,
                        event.machine_id,
                        event.metric,
                        {event.machine_id, event.started_ns, event.wall_offset_ns},
                        0};
  std::vector<Bond> bonds = bonds_of(subject);
  young_.push_back({event.event_id, now_ns_});
  if (bonds.empty()) {
    if (incidents_.size() >= limits_.incidents) {
      make_room(out);
    }
    ++begun_;
    const Number number = ++last_;
    const Incident& fresh = incidents_.try_emplace(number, event, now_ns_).first->second;
    index(number, fresh.events().front());
    return;
  }
  ++folded_;
  const Number home = bonds.front().incident;
  Incident& incident = incidents_.at(home);
  incident.fold(event, bonds.front().fold);
  incident.heard_ns = now_ns_;
  index(home, incident.events().back());
  forget_oldest(home, incident);
  Subject placed = subject;
  placed.own = home;
  join(placed, std::move(bonds), out);
}

void IncidentBook::join(const Subject& subject, std::vector<Bond> bonds, Outbox& out) {
  Number own = subject.own;
  for (Bond& bond : bonds) {
    if (bond.incident == own || !incidents_.contains(bond.incident)) {
      continue;
    }
    // The older one stays; its event is what the younger one's first event is folded to.
    const bool other_is_older = bond.incident < own;
    Incident::Fold fold = std::move(bond.fold);
    if (!other_is_older) {
      fold.to = subject.event_id;
      std::reverse(fold.path.begin(), fold.path.end());
    }
    const Number older = std::min(own, bond.incident);
    merge(older, std::max(own, bond.incident), std::move(fold), out);
    own = older;
  }
}

void IncidentBook::merge(Number older, Number younger, Incident::Fold fold, Outbox& out) {
  Incident& into = incidents_.at(older);
  Incident gone = take(younger);
  if (gone.told) {
    tell(gone, wire::IncidentState::merged, out, into.id());
  }
  const std::size_t before = into.events().size();
  into.absorb(std::move(gone), std::move(fold));
  for (std::size_t at = before; at < into.events().size(); ++at) {
    index(older, into.events()[at]);
  }
  forget_oldest(older, into);
  ++merged_;
}

Incident IncidentBook::take(Number number) {
  const auto found = incidents_.find(number);
  for (const wire::FoldedEventT& event : found->second.events()) {
    of_event_.erase(event.event_id);
    leave(of_entity_, event.entity_id, number);
    leave(of_machine_, event.machine_id, number);
    leave(resources_of_machine_, event.machine_id, number);
  }
  Incident taken = std::move(found->second);
  incidents_.erase(found);
  return taken;
}

void IncidentBook::look_again(Outbox& out) {
  while (!young_.empty() &&
         now_ns_ - std::min(now_ns_, young_.front().heard_ns) > nanoseconds(limits_.join)) {
    young_.pop_front();
  }
  if (seen_revision_ == relatives_.revision()) {
    return;
  }
  seen_revision_ = relatives_.revision();
  for (std::size_t at = 0; at < std::min(young_.size(), most_looks); ++at) {
    const std::string id = young_[young_.size() - 1 - at].event_id;
    const auto number = of_event_.find(id);
    if (number == of_event_.end()) {
      continue;
    }
    const Incident& incident = incidents_.at(number->second);
    const wire::FoldedEventT* event = incident.find(id);
    const std::string machine(incident.there(0).machine_id);
    const wire::FoldedEventT copy = *event;
    const Subject subject{
        copy.event_id, copy.entity_id,
        copy.entity,   copy.machine_id,
        copy.metric,   {machine, copy.started_ns, incident.there(0).wall_offset_ns},
        number->second};
    join(subject, bonds_of(subject), out);
  }
}

void IncidentBook::tell(Incident& incident, wire::IncidentState state, Outbox& out,
                        const std::string& merged_into) {
  incident.pause_ns = incident.told ? std::min(incident.pause_ns * 2, longest_pause_ns)
                                    : nanoseconds(limits_.update_period);
  incident.told = true;
  incident.news = false;
  incident.told_severity = incident.severity();
  incident.next_ns = now_ns_ + incident.pause_ns;
  ++sent_;
  out.send("incidents", wire::MessageType::incident, "", incident.message(state, merged_into));
}

void IncidentBook::tick(std::uint64_t now_ns, Outbox& out) {
  if (now_ns_ == 0) {
    for (auto& [number, incident] : incidents_) {
      incident.begun_ns = now_ns;  // Heard before there was a clock.
    }
    for (Young& young : young_) {
      young.heard_ns = now_ns;
    }
  }
  now_ns_ = std::max(now_ns_, now_ns);
  forget_earlier(out);
  look_again(out);
  std::vector<Number> over;
  for (auto& [number, incident] : incidents_) {
    if (!incident.told) {
      if (now_ns_ - incident.begun_ns >= nanoseconds(limits_.settle)) {
        tell(incident, wire::IncidentState::open, out);
      }
      continue;
    }
    if (incident.open() > 0) {
      incident.quiet_since_ns = 0;
      if (incident.severity() > incident.told_severity ||
          (incident.news && now_ns_ >= incident.next_ns)) {
        tell(incident, wire::IncidentState::updated, out);
      }
      continue;
    }
    incident.quiet_since_ns = incident.quiet_since_ns == 0 ? now_ns_ : incident.quiet_since_ns;
    if (now_ns_ - incident.quiet_since_ns >= nanoseconds(limits_.close_after)) {
      over.push_back(number);
    }
  }
  for (const Number number : over) {
    Incident closed = take(number);
    tell(closed, wire::IncidentState::closed, out);
  }
}

void IncidentBook::make_room(Outbox& out) {
  const auto oldest =
      std::min_element(incidents_.begin(), incidents_.end(), [](const auto& a, const auto& b) {
        const bool a_lasts = a.second.open() > 0;
        const bool b_lasts = b.second.open() > 0;
        return std::pair(a_lasts, a.second.heard_ns) < std::pair(b_lasts, b.second.heard_ns);
      });
  ++evicted_;
  // Also one that was not told yet: no fault is silent.
  Incident closed = take(oldest->first);
  tell(closed, wire::IncidentState::closed, out);
}

}  // namespace gala::dedup
