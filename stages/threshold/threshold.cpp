// Threshold: hands observations to the watches of their checks.
#include "stages/threshold/threshold.h"

#include <algorithm>

namespace gala::threshold {
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
      const bool is_ours = check.kind == Check::Kind::limit || check.kind == Check::Kind::deviation;
      if (metric == nullptr || !is_ours) {
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
  if (!hand_to(found->second, message, out)) {
    ++invalid_;
  }
}

void Threshold::tick(Instant now, Outbox& out) {
  const auto forget_ns = static_cast<std::uint64_t>(config_.forget_after.count());
  tally_.now_ns = std::max(tally_.now_ns, now.boot.ns());
  if (const auto before_ns = sweep_.due(tally_.now_ns, forget_ns)) {
    for (Watch& watch : watches_) {
      watch.sweep(*before_ns, out);
    }
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

}  // namespace gala::threshold
