// Reads diagnoses and events for what a remedy needs.
#include "runtime/cli/remedy/offer.h"

#include "runtime/model/model.h"

namespace gala {
namespace {

using Json = nlohmann::json;

std::string text_at(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  const bool there = object.is_object() && found != object.end() && found->is_string();
  return there ? found->get<std::string>() : std::string{};
}

const Json& member(const Json& object, const char* key) {
  static const Json none = Json::object();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (auto at = text.find(Remedy::separator); at != std::string_view::npos;
       at = text.find(Remedy::separator)) {
    parts.emplace_back(text.substr(0, at));
    text.remove_prefix(at + Remedy::separator.size());
  }
  parts.emplace_back(text);
  return parts;
}

}  // namespace

std::vector<Offer> offers_of(const Json& diagnosis, bool chinese) {
  std::vector<Offer> offers;
  std::set<std::string> seen;
  for (const Json& cause : member(member(diagnosis, "Resource"), "cause_metrics")) {
    for (const Json& remedy : member(cause, "remedies")) {
      const std::string target = text_at(remedy, "target");
      const Json& most = member(remedy, "most");
      if (seen.insert(text_at(remedy, "id") + " " + target).second) {
        offers.push_back({text_at(remedy, "id"), text_at(remedy, chinese ? "desc_zh" : "desc"),
                          split(target), text_at(remedy, "propose"),
                          most.is_number() ? most.get<double>() : 0});
      }
    }
  }
  return offers;
}

Treatment treatment_of(const Offer& offer, const KernelFiles& files) {
  Treatment treatment;
  for (const std::string& target : offer.targets) {
    const auto setting = Setting::find(target, files);
    const auto before = setting ? setting->read() : Result<std::string>(fail(setting.error().what));
    if (!before) {
      treatment.missing.push_back(before.error().what);
      continue;
    }
    const auto after = proposed_value(*before, offer.propose, offer.most, setting->shape());
    (after ? treatment.changes : treatment.fine).push_back({*setting, *before, after.value_or("")});
  }
  return treatment;
}

KpiState::KpiState(const Json& diagnosis) {
  for (const Json& kpi : member(member(diagnosis, "Resource"), "affected_kpis")) {
    known_.insert(text_at(kpi, "event_id"));
  }
  if (known_.empty()) {
    known_.insert(text_at(diagnosis, "event_id"));
  }
  open_ = known_;
}

void KpiState::on(std::string_view line) {
  const Json event = Json::parse(line, nullptr, false);
  const std::string id = text_at(event, "event_id");
  const Json& abnormal = member(event, "is_anomaly");
  if (!abnormal.is_boolean() || !known_.contains(id)) {
    return;
  }
  // An event that ended may come back under its id.
  if (abnormal.get<bool>()) {
    open_.insert(id);
  } else {
    open_.erase(id);
  }
}

}  // namespace gala
