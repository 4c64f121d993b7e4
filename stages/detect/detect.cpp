// Detect: observations in, events of unlikely behaviour out.
#include "stages/detect/detect.h"

#include <algorithm>

#include "stages/detect/model_state.h"

namespace gala {
namespace {

/// Longer windows are nonsense; times beyond this (73 years of uptime) would overflow sums.
constexpr std::uint64_t longest_window_ns = 86'400'000'000'000;
constexpr std::uint64_t latest_time_ns = std::uint64_t{1} << 61;
constexpr std::string_view state_magic = "GALADET1";

bool is_valid(const Window& window) {
  return window.start_ns < window.end_ns && window.length_ns() <= longest_window_ns &&
         window.end_ns <= latest_time_ns;
}

std::string_view text_of(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view{} : text->string_view();
}

}  // namespace

StageDescription Detect::describe() {
  return {"detect",
          "Learns how the metrics of an entity go together and says when they do not.",
          {wire::MessageType::observations},
          {{"events", {wire::MessageType::event}, "Unlikely KPIs: opened, updated, closed."}},
          ""};
}

Detect::Detect(const Config& config, const StageContext& context) : config_(config) {
  tally_.max_entities = static_cast<std::size_t>(config.max_entities);
  tally_.new_level_after = config.new_level_after;
  tally_.false_alarm_rate = config.false_alarm_rate;
  for (const Entity& entity : context.model.entities()) {
    for (const Check& check : entity.checks) {
      const Metric* metric = entity.find_metric(check.metric);
      if (metric != nullptr && check.kind == Check::Kind::joint) {
        by_entity_[entity.name].push_back(&checks_.emplace_back(entity, check, *metric, tally_));
      }
    }
  }
}

void Detect::on(const wire::Observations& message, const Envelope& /*envelope*/, Outbox& out) {
  const auto found = by_entity_.find(text_of(message.entity()));
  if (found == by_entity_.end()) {
    return;
  }
  // Ids of the ended may be used again by rows of the same message.
  if (message.ended() != nullptr) {
    const std::uint64_t at_ns = std::min(message.window_end_ns(), latest_time_ns);
    for (const flatbuffers::String* id : *message.ended()) {
      for (JointCheck* check : found->second) {
        check->end(text_of(id), at_ns, out);
      }
    }
  }
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
  constexpr auto limit = static_cast<std::int64_t>(latest_time_ns);
  const MessageRows rows{table, entity_id, text_of(message.machine_id()), window,
                         std::clamp(message.wall_offset_ns(), -limit, limit)};
  for (JointCheck* check : found->second) {
    check->on(rows, out);
  }
}

void Detect::tick(Instant now, Outbox& out) {
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
  for (JointCheck& check : checks_) {
    check.sweep(tally_.now_ns - std::min(tally_.now_ns, forget_ns), out);
  }
}

void Detect::report(SelfReport& report) const {
  const auto gauge = [&report](std::string name, auto value, std::string help) {
    report.gauges.push_back({std::move(name), static_cast<double>(value), std::move(help)});
  };
  gauge("checks", checks_.size(), "Joint checks of the model that are judged.");
  gauge("entities", tally_.entities, "Entities and checks with a model.");
  gauge("open_events", tally_.open, "Entities that are abnormal now.");
  gauge("opened_total", tally_.opened, "Events opened.");
  gauge("judged_total", tally_.judged, "Rows judged.");
  gauge("unjudged_total", tally_.unjudged,
        "Rows without a value, or with too few in the window.");
  gauge("new_levels_total", tally_.new_levels, "Events that lasted and became the usual level.");
  gauge("out_of_order_total", tally_.out_of_order,
        "Rows older than the last of their entity.");
  gauge("invalid_total", invalid_, "Messages without a window or entity ids.");
  gauge("refused_total", tally_.refused,
        "Rows not judged because max_entities was reached.");
  if (tally_.entities >= tally_.max_entities) {
    report.complaints.push_back("all " + std::to_string(tally_.max_entities) +
                                " models are in use, so new entities are not judged; raise "
                                "max_entities in this stage's section");
  }
}

std::vector<std::uint8_t> Detect::save() const {
  StateWriter writer;
  writer.put(state_magic);
  writer.put(static_cast<std::uint64_t>(checks_.size()));
  for (const JointCheck& check : checks_) {
    StateWriter one;
    check.save(one);
    writer.put(std::string_view(check.name()));
    writer.put(std::span<const std::uint8_t>(one.bytes()));
  }
  return std::move(writer.bytes());
}

Result<> Detect::load(std::span<const std::uint8_t> bytes) {
  StateReader reader(bytes);
  if (reader.text() != state_magic) {
    return fail("these bytes are no models of detect");
  }
  std::uint64_t count = 0;
  reader.get(count);
  std::size_t refused = 0;
  for (; count > 0 && reader.ok(); --count) {
    const std::string name = reader.text();
    std::vector<std::uint8_t> one;
    reader.get_list(one, bytes.size());
    const auto check = std::find_if(checks_.begin(), checks_.end(),
                                    [&](const JointCheck& each) { return each.name() == name; });
    if (check != checks_.end()) {
      StateReader inner(one);
      check->load(inner);
      refused += inner.ok() ? 0 : 1;
    }
  }
  if (!reader.ok() || refused > 0) {
    return fail(
        "some of the saved models do not fit this version or these model files; their "
        "entities are learned anew");
  }
  return {};
}

}  // namespace gala
