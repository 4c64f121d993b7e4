// Threshold: observations in, events out, by the checks of the model.
#include "stages/threshold/threshold.h"

#include <algorithm>

namespace gala {
namespace {

/// Longer windows are nonsense; times beyond this (73 years of uptime) would overflow sums.
constexpr std::uint64_t longest_window_ns = 86'400'000'000'000;
constexpr std::uint64_t latest_time_ns = std::uint64_t{1} << 61;

bool is_valid(const Window& window) {
  return window.start_ns < window.end_ns && window.length_ns() <= longest_window_ns &&
         window.end_ns <= latest_time_ns;
}

std::string_view text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view{} : text->string_view();
}

/// A wall clock that is centuries off labels nothing.
std::int64_t sane_offset(std::int64_t offset_ns) {
  constexpr auto limit = static_cast<std::int64_t>(latest_time_ns);
  return std::clamp(offset_ns, -limit, limit);
}

}  // namespace

StageDescription Threshold::describe() {
  return {"threshold",
          "Judges every metric that has checks in the model and says what is abnormal.",
          {wire::MessageType::observations},
          {{"events", {wire::MessageType::event}, "Abnormal metrics: opened, updated, closed."}},
          ""};
}

Threshold::Threshold(const Config& config, const StageContext& context) : config_(config) {
  tally_.max_states = static_cast<std::size_t>(config.max_states);
  tally_.new_level_after = config.new_level_after;
  for (const Entity& entity : context.model.entities()) {
    std::map<std::string_view, Episodes*> episodes;
    for (const Check& check : entity.checks) {
      const Metric* metric = entity.find_metric(check.metric);
      if (metric == nullptr || check.kind == Check::Kind::joint) {
        continue;
      }
      Episodes*& shared = episodes[metric->name];
      if (shared == nullptr) {
        shared = &episodes_.emplace_back();
      }
      by_entity_[entity.name].push_back(
          &watches_.emplace_back(entity, check, *metric, *shared, tally_));
    }
  }
}

void Threshold::on(const wire::Observations& message, const Envelope& /*envelope*/, Outbox& out) {
  const auto found = by_entity_.find(text_of(message.entity()));
  if (found == by_entity_.end()) {
    return;
  }
  // Ids of the ended may be used again by rows of the same message.
  end_entities(message, found->second, out);
  if (message.rows() == 0) {
    return;
  }
  const TableView table(message.columns(), message.rows());
  const ColumnView entity_id = table.find("entity_id");
  const Window window{message.window_start_ns(), message.window_end_ns()};
  if (!entity_id.valid() || entity_id.kind() != wire::ColumnKind::text || !is_valid(window)) {
    ++invalid_;
    return;
  }
  const MessageView view{table, entity_id, text_of(message.machine_id()), window,
                         sane_offset(message.wall_offset_ns())};
  for (Watch* watch : found->second) {
    watch->on(view, out);
  }
}

void Threshold::end_entities(const wire::Observations& message, std::vector<Watch*>& watches,
                             Outbox& out) {
  if (message.ended() == nullptr) {
    return;
  }
  const std::uint64_t at_ns = std::min(message.window_end_ns(), latest_time_ns);
  for (const flatbuffers::String* id : *message.ended()) {
    for (Watch* watch : watches) {
      watch->end(text_of(id), at_ns, out);
    }
  }
}

void Threshold::tick(Instant now, Outbox& out) {
  const auto forget_ns = static_cast<std::uint64_t>(config_.forget_after.count());
  tally_.now_ns = std::max(tally_.now_ns, now.boot.ns());
  if (next_sweep_ns_ == 0) {
    // Values that came before the first tick carry no time; nothing is swept until they had theirs.
    next_sweep_ns_ = tally_.now_ns + 2 * forget_ns;
  }
  if (tally_.now_ns < next_sweep_ns_) {
    return;
  }
  next_sweep_ns_ = tally_.now_ns + forget_ns / 4;
  for (Watch& watch : watches_) {
    watch.sweep(tally_.now_ns - std::min(tally_.now_ns, forget_ns), out);
  }
}

void Threshold::report(SelfReport& report) const {
  const auto gauge = [&report](std::string name, auto value, std::string help) {
    report.gauges.push_back({std::move(name), static_cast<double>(value), std::move(help)});
  };
  gauge("checks", watches_.size(), "Checks of the model that are judged.");
  gauge("states", tally_.states, "Entities and checks remembered.");
  gauge("open_events", tally_.open, "Checks that are abnormal now.");
  gauge("opened_total", tally_.opened, "Events opened.");
  gauge("judged_total", tally_.judged, "Values judged.");
  gauge("unjudged_total", tally_.unjudged, "Rows without a value, or with too few in the window.");
  gauge("new_levels_total", tally_.new_levels,
        "Deviations that lasted and became the usual level.");
  gauge("out_of_order_total", tally_.out_of_order, "Values older than the last of their entity.");
  gauge("unreadable_total", tally_.unreadable, "Columns of a kind that has not the statistic.");
  gauge("invalid_total", invalid_, "Messages without a window or entity ids.");
  gauge("refused_total", tally_.refused, "Values not judged because max_states was reached.");
  if (tally_.states >= tally_.max_states) {
    report.complaints.push_back("all " + std::to_string(tally_.max_states) +
                                " states are in use, so new entities are not judged; raise "
                                "max_states in this stage's section");
  }
}

}  // namespace gala
