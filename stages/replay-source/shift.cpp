// Times inside messages: in place for rows, by unpacking for the small ones.
#include "stages/replay-source/shift.h"

#include <array>
#include <type_traits>

#include "runtime/core/messages.h"

namespace gala::replay_source {
namespace {

/// 0 means "not said" and stays; sums wrap instead of being undefined.
std::uint64_t moved(std::uint64_t time_ns, TimeShift shift) {
  return time_ns == 0 ? 0 : time_ns + static_cast<std::uint64_t>(shift.boot.count());
}

void move(std::uint64_t& time_ns, TimeShift shift) { time_ns = moved(time_ns, shift); }

/// Rows are many, so only three numbers of the copy are rewritten. All three places are found
/// before the first is written: in a hostile message they may overlap what finding them reads.
template <class Message>
std::vector<std::uint8_t> shift_window(std::span<const std::uint8_t> payload, TimeShift shift) {
  std::vector<std::uint8_t> copy(payload.begin(), payload.end());
  auto* table = flatbuffers::GetMutableRoot<flatbuffers::Table>(copy.data());
  const std::array<std::uint8_t*, 2> times = {table->GetAddressOf(Message::VT_WINDOW_START_NS),
                                              table->GetAddressOf(Message::VT_WINDOW_END_NS)};
  std::uint8_t* const offset = table->GetAddressOf(Message::VT_WALL_OFFSET_NS);
  for (std::uint8_t* place : times) {
    if (place != nullptr) {
      flatbuffers::WriteScalar(place, moved(flatbuffers::ReadScalar<std::uint64_t>(place), shift));
    }
  }
  if (offset != nullptr) {
    flatbuffers::WriteScalar(offset, shift.wall_offset_ns);
  }
  return copy;
}

void apply(wire::EventT& event, TimeShift shift) {
  move(event.started_ns, shift);
  move(event.last_abnormal_ns, shift);
  move(event.updated_ns, shift);
  event.wall_offset_ns = shift.wall_offset_ns;
}

void apply(std::vector<std::unique_ptr<wire::NodeT>>& nodes, TimeShift shift) {
  for (const auto& node : nodes) {
    move(node->first_seen_ns, shift);
    move(node->last_seen_ns, shift);
  }
}

void apply(wire::TopologySnapshotT& snapshot, TimeShift shift) {
  move(snapshot.time_ns, shift);
  snapshot.wall_offset_ns = shift.wall_offset_ns;
  apply(snapshot.nodes, shift);
}

void apply(wire::TopologyDeltaT& delta, TimeShift shift) {
  move(delta.time_ns, shift);
  delta.wall_offset_ns = shift.wall_offset_ns;
  apply(delta.added_nodes, shift);
}

void apply(wire::StackProfileT& profile, TimeShift shift) {
  move(profile.window_start_ns, shift);
  move(profile.window_end_ns, shift);
  profile.wall_offset_ns = shift.wall_offset_ns;
}

void apply(wire::SeriesT& series, TimeShift shift) {
  for (std::uint64_t& time_ns : series.times_ns) {
    move(time_ns, shift);
  }
}

void apply(wire::DiagnosisT& diagnosis, TimeShift shift) {
  move(diagnosis.bent_ns, shift);
  move(diagnosis.said_ns, shift);
  diagnosis.wall_offset_ns = shift.wall_offset_ns;
  if (diagnosis.kpi_series) {
    apply(*diagnosis.kpi_series, shift);
  }
  for (const auto& cause : diagnosis.causes) {
    move(cause->began_ns, shift);
    for (const auto& series : cause->evidence) {
      apply(*series, shift);
    }
  }
}

void apply(wire::IncidentT& incident, TimeShift shift) {
  move(incident.started_ns, shift);
  move(incident.updated_ns, shift);
  incident.wall_offset_ns = shift.wall_offset_ns;
  for (const auto& event : incident.events) {
    move(event->started_ns, shift);
    move(event->last_abnormal_ns, shift);
  }
}

template <class Entry>
std::vector<std::uint8_t> shift_unpacked(std::span<const std::uint8_t> payload, TimeShift shift) {
  using Table = typename Entry::Table;
  typename Table::NativeTableType object;
  flatbuffers::GetRoot<Table>(payload.data())->UnPackTo(&object);
  apply(object, shift);
  flatbuffers::FlatBufferBuilder builder(payload.size() + 64);
  builder.Finish(Table::Pack(builder, &object), Entry::identifier());
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

}  // namespace

std::vector<std::uint8_t> shifted(wire::MessageType type, std::span<const std::uint8_t> payload,
                                  TimeShift shift) {
  std::vector<std::uint8_t> moved_payload(payload.begin(), payload.end());
  visit_message(type, [&](auto entry) {
    using Table = typename decltype(entry)::Table;
    if constexpr (requires { Table::VT_ROWS; }) {
      moved_payload = shift_window<Table>(payload, shift);
    } else if constexpr (!std::is_same_v<Table, wire::StageStatus>) {
      moved_payload = shift_unpacked<decltype(entry)>(payload, shift);
    }
  });
  return moved_payload;
}

}  // namespace gala::replay_source
