// Holds causes and events against the truth of a fault.
#include "runtime/cli/demo/score.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gala::demo {
namespace {

using Json = nlohmann::json;

constexpr std::string_view metric_prefix = "gala_gopher_";

const Json& member(const Json& object, std::string_view key) {
  static const Json nothing;
  if (!object.is_object()) {
    return nothing;
  }
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// What a cause or an event names.
struct Thing {
  std::string metric_id;
  std::string entity_id;
  const Json& labels;
  /// Nothing for an event.
  std::optional<std::string> keyword;
};

bool names_metric(const TruthEntry& entry, const Thing& thing, const Injected& injected) {
  const std::vector<std::string>& machines = injected.at("machine");
  return std::any_of(entry.of.begin(), entry.of.end(), [&](const auto& metric) {
    return thing.metric_id == fmt::format("{}{}_{}", metric_prefix, metric.first, metric.second) &&
           std::any_of(machines.begin(), machines.end(), [&](const std::string& machine) {
             return thing.entity_id.starts_with(fmt::format("{}_{}_", machine, metric.first));
           });
  });
}

bool is_injected(const Json& label, const std::string& role, const Injected& injected) {
  if (!label.is_string()) {
    return false;
  }
  const auto& text = label.get_ref<const std::string&>();
  if (role.starts_with('=')) {
    return std::string_view(role).substr(1) == text;
  }
  const std::vector<std::string>& values = injected.at(role);
  return std::find(values.begin(), values.end(), text) != values.end();
}

bool fits(const TruthEntry& entry, const Thing& thing, const Injected& injected) {
  return names_metric(entry, thing, injected) &&
         std::all_of(entry.where.begin(), entry.where.end(),
                     [&](const auto& key_and_role) {
                       return is_injected(member(thing.labels, key_and_role.first),
                                          key_and_role.second, injected);
                     }) &&
         (entry.keyword.empty() || thing.keyword == entry.keyword);
}

Verdict verdict_of(const Thing& thing, const Truth& truth, const Injected& injected) {
  const auto any = [&](const std::vector<TruthEntry>& entries) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const TruthEntry& entry) { return fits(entry, thing, injected); });
  };
  if (any(truth.right)) {
    return Verdict::right;
  }
  return any(truth.half) ? Verdict::half : Verdict::wrong;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::right:
      return "right";
    case Verdict::half:
      return "half";
    case Verdict::wrong:
      break;
  }
  return "wrong";
}

Judgement judge(const Json& diagnosis, const Truth& truth, const Injected& injected) {
  Judgement judgement;
  const Json& causes = member(member(diagnosis, "Resource"), "cause_metrics");
  for (std::size_t i = 0; causes.is_array() && i < causes.size(); ++i) {
    const Thing thing{text_of(member(causes[i], "metric_id")),
                      text_of(member(causes[i], "entity_id")), member(causes[i], "metric_labels"),
                      text_of(member(causes[i], "keyword"))};
    const Verdict verdict = verdict_of(thing, truth, injected);
    judgement.verdict = judgement.verdict.value_or(verdict);
    if (verdict == Verdict::right && !judgement.rank) {
      judgement.rank = i + 1;
    }
  }
  return judgement;
}

bool Score::on_diagnosis(const Json& diagnosis, Duration after) {
  const std::string event_id = text_of(member(diagnosis, "event_id"));
  if (!counts(after) || (first_version_ && event_id != event_id_)) {
    return false;
  }
  event_id_ = event_id;
  last_version_ = Version{judge(diagnosis, *truth_, injected_), after};
  first_version_ = first_version_.value_or(*last_version_);
  return true;
}

void Score::on_event(const Json& event, Duration after) {
  if (!counts(after)) {
    return;
  }
  const Json& resource = member(event, "Resource");
  const Thing thing{text_of(member(resource, "metric")),
                    text_of(member(member(event, "Attributes"), "entity_id")),
                    member(resource, "labels"),
                    {}};
  event_named_ = event_named_ || verdict_of(thing, *truth_, injected_) == Verdict::right;
}

std::string short_metric(const std::string& metric_id) {
  return metric_id.starts_with(metric_prefix) ? metric_id.substr(metric_prefix.size()) : metric_id;
}

}  // namespace gala::demo
