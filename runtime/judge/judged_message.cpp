// What a stage that judges observations does with every message.
#include "runtime/judge/judged_message.h"

#include "runtime/core/wire.h"

namespace gala {
namespace {

/// No window is longer.
constexpr std::uint64_t longest_window_ns = 86'400'000'000'000;
constexpr std::uint64_t another_boot_ns = 60'000'000'000;
constexpr double nanoseconds_per_second = 1e9;

bool is_valid(const Window& window) {
  return window.start_ns < window.end_ns && window.length_ns() <= longest_window_ns &&
         window.end_ns <= latest_time_ns;
}

/// Labels nothing by a wall clock that is centuries off.
std::int64_t sane_offset(std::int64_t offset_ns) {
  constexpr auto limit = static_cast<std::int64_t>(latest_time_ns);
  return std::clamp(offset_ns, -limit, limit);
}

}  // namespace

double seconds(const Window& window) {
  return static_cast<double>(window.length_ns()) / nanoseconds_per_second;
}

std::optional<MessageView> view_of(const wire::Observations& message, const TableView& table) {
  const ColumnView entity_id = table.find("entity_id");
  const Window window{message.window_start_ns(), message.window_end_ns()};
  if (!entity_id.valid() || entity_id.kind() != wire::ColumnKind::text || !is_valid(window)) {
    return std::nullopt;
  }
  return MessageView{table, entity_id, text_of(message.machine_id()), window,
                     sane_offset(message.wall_offset_ns())};
}

std::optional<std::uint64_t> SweepClock::due(std::uint64_t now_ns, std::uint64_t forget_ns) {
  if (next_ns_ == 0) {
    // Values from before the first tick have no time. Forgets nothing until they had theirs.
    next_ns_ = now_ns + 2 * forget_ns;
  }
  if (now_ns < next_ns_) {
    return std::nullopt;
  }
  next_ns_ = now_ns + forget_ns / 4;
  return now_ns - std::min(now_ns, forget_ns);
}

Order order_of(const Window& window, std::uint64_t last_end_ns) {
  if (window.end_ns > last_end_ns) {
    return Order::next;
  }
  return last_end_ns - window.end_ns < another_boot_ns ? Order::late : Order::another_boot;
}

}  // namespace gala
