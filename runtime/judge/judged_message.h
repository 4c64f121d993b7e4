// What a stage that judges observations does with every message: first the ended entities, then the
// rows, and now and then the silent entities.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/outbox.h"
#include "runtime/core/wire.h"
#include "runtime/judge/alarm.h"
#include "runtime/judge/episodes.h"
#include "runtime/judge/sample.h"
#include "schemas/wire/observations_generated.h"

namespace gala {

/// What the rows of one message share; borrowed for the call.
struct MessageView {
  const TableView& table;
  ColumnView entity_id;
  std::string_view machine_id;
  Window window;
  std::int64_t wall_offset_ns = 0;
};

/// One row, as far as a check reads it.
struct JudgedRow {
  std::string_view entity_id;
  std::size_t index = 0;
  Sample sample;
};

/// Times beyond this (73 years of uptime) would overflow sums.
inline constexpr std::uint64_t latest_time_ns = std::uint64_t{1} << 61;

double seconds(const Window& window);
/// Nothing if the message has no usable window or no entity ids. Requires: `table` is its table.
std::optional<MessageView> view_of(const wire::Observations& message, const TableView& table);

/// Hands a message to each check of its entity type. A check has end(id, at_ns, out) and on(view,
/// out). False if no check can judge the rows.
template <class Check>
bool hand_to(const std::vector<Check*>& checks, const wire::Observations& message, Outbox& out) {
  // Rows of the same message may reuse the ids of ended entities.
  if (message.ended() != nullptr) {
    const std::uint64_t at_ns = std::min(message.window_end_ns(), latest_time_ns);
    for (const flatbuffers::String* id : *message.ended()) {
      for (Check* check : checks) {
        check->end(text_of(id), at_ns, out);
      }
    }
  }
  if (message.rows() == 0) {
    return true;
  }
  const TableView table(message.columns(), message.rows());
  const auto view = view_of(message, table);
  if (!view) {
    return false;
  }
  for (Check* check : checks) {
    check->on(*view, out);
  }
  return true;
}

/// Decides when to look for silent entities.
class SweepClock {
 public:
  /// If a look is due: entities without a value since that time are to be forgotten.
  std::optional<std::uint64_t> due(std::uint64_t now_ns, std::uint64_t forget_ns);

 private:
  std::uint64_t next_ns_ = 0;
};

/// Ids of the states (with a seen_ns) without a value since `before_ns`, sorted, because the order
/// of a hash map must not show in the output.
template <class State>
std::vector<std::string> silent_since(const MapById<State>& states, std::uint64_t before_ns) {
  std::vector<std::string> silent;
  for (const auto& [id, state] : states) {
    if (state.seen_ns < before_ns) {
      silent.push_back(id);
    }
  }
  std::sort(silent.begin(), silent.end());
  return silent;
}

/// How a window relates to the last one of its entity: an older one is a late message, and a much
/// older one comes from another boot.
enum class Order : std::uint8_t { next, late, another_boot };
Order order_of(const Window& window, std::uint64_t last_end_ns);

}  // namespace gala
