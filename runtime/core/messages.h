// The list of messages: each type with its table and file identifier. It stands here and nowhere
// else; verification, dispatch, recording, replay and fuzzing follow from it, and tests/tidy
// compares docs/wire.md and tests/wire-baseline with schemas/wire.
#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <utility>

#include "schemas/wire/diagnosis_generated.h"
#include "schemas/wire/envelope_generated.h"
#include "schemas/wire/event_generated.h"
#include "schemas/wire/incident_generated.h"
#include "schemas/wire/observations_generated.h"
#include "schemas/wire/records_generated.h"
#include "schemas/wire/stack_profile_generated.h"
#include "schemas/wire/stage_status_generated.h"
#include "schemas/wire/topology_delta_generated.h"
#include "schemas/wire/topology_snapshot_generated.h"

namespace gala {

/// One entry of the list.
template <wire::MessageType type_, class Table_, const char* (*identifier_)()>
struct Message {
  /// The table at the root of the payload.
  using Table = Table_;
  static constexpr wire::MessageType type = type_;
  /// The four characters that every payload of this type carries.
  static const char* identifier() { return identifier_(); }
};

using Messages = std::tuple<
    Message<wire::MessageType::records, wire::Records, wire::RecordsIdentifier>,
    Message<wire::MessageType::observations, wire::Observations, wire::ObservationsIdentifier>,
    Message<wire::MessageType::event, wire::Event, wire::EventIdentifier>,
    Message<wire::MessageType::topology_snapshot, wire::TopologySnapshot,
            wire::TopologySnapshotIdentifier>,
    Message<wire::MessageType::topology_delta, wire::TopologyDelta, wire::TopologyDeltaIdentifier>,
    Message<wire::MessageType::diagnosis, wire::Diagnosis, wire::DiagnosisIdentifier>,
    Message<wire::MessageType::stage_status, wire::StageStatus, wire::StageStatusIdentifier>,
    Message<wire::MessageType::incident, wire::Incident, wire::IncidentIdentifier>,
    Message<wire::MessageType::stack_profile, wire::StackProfile, wire::StackProfileIdentifier>>;

inline constexpr std::size_t message_count = std::tuple_size_v<Messages>;

// `none` is a value of the enumeration and no message.
static_assert(message_count == static_cast<std::size_t>(wire::MessageType::MAX),
              "a value of wire::MessageType has no entry in gala::Messages");

/// Calls `visit(entry)` for the entry of `type`; false when there is none (a newer version's type).
template <class Visit>
bool visit_message(wire::MessageType type, Visit&& visit) {
  return std::apply(
      [&](auto... entry) { return ((entry.type == type && (visit(entry), true)) || ...); },
      Messages{});
}

/// Every type, in the order of the list.
inline constexpr std::array<wire::MessageType, message_count> message_types = std::apply(
    [](auto... entry) { return std::array<wire::MessageType, message_count>{entry.type...}; },
    Messages{});

}  // namespace gala
