// One incident: the events of one fault, as far as they are known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/wire/incident_generated.h"

namespace gala::dedup {

/// A boot time says nothing without its machine; the offset to wall time compares two machines.
struct MachineTime {
  std::string_view machine_id;
  std::uint64_t boot_ns = 0;
  std::int64_t wall_offset_ns = 0;
};

/// Bookkeeping of one incident; who belongs to it and when to speak is for IncidentBook to decide.
class Incident {
 public:
  /// Where an event is folded to and why.
  struct Fold {
    wire::FoldReason reason = wire::FoldReason::first;
    /// An event of the incident.
    std::string to;
    std::vector<std::string> path;
  };

  /// Begins with its first event.
  Incident(const wire::EventT& first, std::uint64_t heard_at_ns);
  /// Goes on with one that an earlier run has told of. All its events count as closed until they
  /// are heard of again. `machine_id` is the one whose boot time it is told in.
  Incident(wire::IncidentT told_before, std::string machine_id);

  void fold(const wire::EventT& event, Fold fold);
  /// What is new of an event that is part of it. False when it is not.
  bool update(const wire::EventT& event);
  /// One of its events goes on under another id.
  void rename(std::string_view event_id, const std::string& new_id);
  /// Takes all events of another incident; `fold` says why its first one belongs here.
  void absorb(Incident&& other, Fold fold);
  /// Makes room: takes out the first event that is closed; nothing when all are open.
  std::optional<wire::FoldedEventT> forget_one();

  /// A time of any machine as boot time of the first event's machine.
  [[nodiscard]] std::uint64_t here(const MachineTime& time) const;
  /// And a time of the incident as one that others can compare.
  [[nodiscard]] MachineTime there(std::uint64_t boot_ns) const;
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::vector<wire::FoldedEventT>& events() const { return events_; }
  [[nodiscard]] const wire::FoldedEventT* find(std::string_view event_id) const;
  [[nodiscard]] wire::Severity severity() const { return severity_; }
  [[nodiscard]] std::size_t open() const { return open_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  /// As a finished message; counts up the version.
  [[nodiscard]] std::vector<std::uint8_t> message(wire::IncidentState state,
                                                  const std::string& merged_into = {});
  /// What the next run needs to go on with it.
  [[nodiscard]] wire::IncidentT checkpoint() const;

  /// Stage clock: when it began to be heard of, when last, since when all its events are closed.
  std::uint64_t begun_ns = 0;
  std::uint64_t heard_ns = 0;
  std::uint64_t quiet_since_ns = 0;
  /// What was told: nothing yet, the severity, and when news may be told again.
  bool told = false;
  bool news = true;
  wire::Severity told_severity = wire::Severity::unset;
  std::uint64_t next_ns = 0;
  std::uint64_t pause_ns = 0;

 private:
  void add(const wire::EventT& event, Fold fold);
  [[nodiscard]] wire::IncidentT content(wire::IncidentState state,
                                        const std::string& merged_into) const;
  [[nodiscard]] std::uint32_t headline(std::size_t listed) const;

  std::string id_;
  std::string machine_id_;
  std::vector<wire::FoldedEventT> events_;
  wire::Severity severity_ = wire::Severity::unset;
  std::uint64_t started_ns_ = 0;
  std::uint64_t updated_ns_ = 0;
  std::int64_t wall_offset_ns_ = 0;
  std::size_t open_ = 0;
  std::uint64_t total_ = 0;
  std::uint32_t version_ = 0;
};

}  // namespace gala::dedup
