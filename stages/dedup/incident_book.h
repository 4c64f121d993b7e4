// All incidents: which event belongs to which, when incidents become one, and when to tell.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/core/outbox.h"
#include "runtime/core/result.h"
#include "runtime/core/time.h"
#include "runtime/model/model.h"
#include "stages/dedup/incident.h"
#include "stages/dedup/relatives.h"

namespace gala::dedup {

/// Folds events into incidents. An event joins an incident in which an event of the same entity
/// lasts, or one that began within `join` of it on an entity that a few relations lead to, or one
/// that began within `same_time` on a resource of the same host. Related incidents become one; the
/// older one stays. Deterministic; bounded by its limits.
class IncidentBook {
 public:
  struct Limits {
    /// An incident is told that long after its first event, so that a cascade is told once.
    Duration settle = std::chrono::seconds(2);
    Duration join = std::chrono::seconds(60);
    Duration same_time = std::chrono::seconds(15);
    /// All its events are closed for that long: it is over.
    Duration close_after = std::chrono::seconds(30);
    /// Between the first and the second message; doubles with each further one.
    Duration update_period = std::chrono::seconds(10);
    std::size_t incidents = 1000;
    /// An incident of an earlier run of which nobody speaks for that long is over.
    Duration quiet = std::chrono::seconds(60);
  };

  IncidentBook(const Model& model, const Relatives& relatives, Limits limits);

  /// An event as it is told.
  void hear(const wire::EventT& event, Outbox& out);
  /// Time passes: what is due is told, what is over is closed.
  void tick(std::uint64_t now_ns, Outbox& out);

  /// The incidents that were told and last, for `load` of the next run: they keep their ids.
  [[nodiscard]] std::vector<std::uint8_t> save() const;
  /// Comes before anything is heard.
  Result<> load(std::span<const std::uint8_t> bytes);

  [[nodiscard]] std::size_t size() const { return incidents_.size(); }
  [[nodiscard]] std::uint64_t begun() const { return begun_; }
  [[nodiscard]] std::uint64_t folded() const { return folded_; }
  [[nodiscard]] std::uint64_t merged() const { return merged_; }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  using Number = std::uint64_t;
  /// Why an event belongs to an incident; the lower the better.
  struct Bond {
    Number incident = 0;
    Incident::Fold fold;
    std::size_t rank = 0;
  };
  /// What bonds are sought for: an event or one that is folded already.
  struct Subject {
    std::string_view event_id;
    std::string_view entity_id;
    std::string_view entity;
    std::string_view machine_id;
    std::string_view metric;
    MachineTime started;
    /// Incident that it is part of; 0 = none.
    Number own = 0;
  };

  [[nodiscard]] std::vector<Bond> bonds_of(const Subject& subject) const;
  void add_bond(const Subject& subject, Number incident, const wire::FoldedEventT& event,
                Incident::Fold fold, std::vector<Bond>& bonds) const;
  /// With the events of the entity `id`, which is the subject's own or near it.
  void bonds_by_entity(const Subject& subject, std::string_view id, const Incident::Fold& fold,
                       std::vector<Bond>& bonds) const;
  void bonds_by_host(const Subject& subject, std::vector<Bond>& bonds) const;
  [[nodiscard]] bool is_host_resource(std::string_view entity) const;
  [[nodiscard]] bool is_known_cause(const Subject& subject, const wire::FoldedEventT& event) const;
  /// The model knows both metrics and what follows from a resource, and neither follows from the
  /// other.
  [[nodiscard]] bool is_unrelated_fault(const Subject& subject,
                                        const wire::FoldedEventT& event) const;
  /// Incidents by a text that their events have.
  using Index = std::unordered_map<std::string, std::set<Number>>;

  void index(Number number, const wire::FoldedEventT& event);
  static void leave(Index& index, const std::string& key, Number number);
  /// Of a long incident the events that closed first, also in all indexes.
  void forget_oldest(Number number, Incident& incident);
  void join(const Subject& subject, std::vector<Bond> bonds, Outbox& out);
  void merge(Number older, Number younger, Incident::Fold fold, Outbox& out);
  void look_again(Outbox& out);
  /// Goes on with the incident of an earlier run that this event is part of, if there is one. The
  /// event is part of it also when another check reports the metric now, under another event id.
  void resume(const wire::EventT& event);
  /// Takes an incident of an earlier run among those that last. Requires: it is in `earlier_`.
  void revive(Number number);
  void forget_earlier(Outbox& out);
  void tell(Incident& incident, wire::IncidentState state, Outbox& out,
            const std::string& merged_into = {});
  /// Takes an incident out of all indexes.
  Incident take(Number number);
  void make_room(Outbox& out);

  const Relatives& relatives_;
  Limits limits_;
  std::set<std::pair<std::string, std::string>> known_causes_;
  /// "entity.metric" → all that follows from it, over any number of steps; of all metrics in
  /// causes.
  std::map<std::string, std::set<std::string>> effects_;
  std::map<Number, Incident> incidents_;
  std::unordered_map<std::string, Number> of_event_;
  Index of_entity_;
  Index of_machine_;
  /// Those with an event of a host's resource.
  Index resources_of_machine_;
  std::set<std::string, std::less<>> host_entities_;
  /// Young events that may still find relatives: number of the incident, event id, heard when.
  struct Young {
    std::string event_id;
    std::uint64_t heard_ns = 0;
  };
  std::deque<Young> young_;
  /// Incidents of an earlier run that nobody has spoken of yet, until when, and which events lead
  /// to them.
  std::map<Number, Incident> earlier_;
  std::unordered_map<std::string, Number> earlier_of_event_;
  /// Events of an earlier run that were not heard of in this one, by entity and metric.
  std::unordered_map<std::string, std::string> earlier_event_of_metric_;
  std::uint64_t earlier_until_ns_ = 0;
  std::uint64_t seen_revision_ = 0;
  std::uint64_t now_ns_ = 0;
  Number last_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t folded_ = 0;
  std::uint64_t merged_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace gala::dedup
