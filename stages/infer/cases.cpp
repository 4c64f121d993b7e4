// Decides which KPIs are one incident: cases join, and an event leaves its case when it comes back.
#include <algorithm>

#include "stages/infer/infer.h"
#include "stages/infer/kinship.h"

namespace gala::infer {
namespace {

/// Remembers the last version of that many closed cases, for events that come back.
constexpr std::size_t most_versions = 10'000;

}  // namespace

Infer::Case& Infer::case_of_return(const std::string& id, const KpiEvent& back) {
  const auto item = cases_.find(id);
  Case& open = item->second;
  const auto stays = [&](const KpiEvent& kpi) {
    return kpi.event_id == back.event_id ||
           moment_of(back, back.started) - moment_of(kpi, kpi.started) <= config_.together;
  };
  if (std::any_of(open.kpis.begin(), open.kpis.end(),
                  [&](const KpiEvent& kpi) { return &kpi != &back && stays(kpi); }) ||
      open.kpis.size() == 1) {
    return open;
  }
  const std::string event_id = back.event_id;
  Case alone;
  alone.kpis.push_back(back);
  open.kpis.erase(open.kpis.begin() + (&back - open.kpis.data()));
  open.kpis_said = open.kpis.size();
  if (id == event_id) {
    // The rest of the case goes on under the name of another event.
    remember_versions(id, open);
    auto left = cases_.extract(item);
    left.key() = left.mapped().kpis.front().event_id;
    for (const KpiEvent& kpi : left.mapped().kpis) {
      case_of_.find(kpi.event_id)->second = left.key();
    }
    cases_.insert(std::move(left));
  }
  if (const auto before = versions_.find(event_id); before != versions_.end()) {
    alone.versions_before = before->second;
  }
  case_of_.find(event_id)->second = event_id;
  return cases_[event_id] = std::move(alone);
}

bool Infer::belong_together(const KpiEvent& a, const KpiEvent& b) {
  const Duration apart = moment_of(a, a.started) - moment_of(b, b.started);
  if (apart > config_.together || -apart > config_.together) {
    return false;
  }
  const auto first = graph_.find(a.entity_id);
  const auto second = graph_.find(b.entity_id);
  return a.entity_id == b.entity_id ||
         (first && second && are_kin(graph_, interest_, *first, *second));
}

void Infer::join_cases() {
  for (auto item = cases_.begin(); item != cases_.end();) {
    const auto next = std::next(item);
    const auto joins = [&](const auto& other) {
      // The older case keeps its id. Of two that were never emitted, the smaller id stays.
      const bool older = other.second.version > 0 || other.first < item->first;
      return &other != &*item && older &&
             belong_together(other.second.kpis.front(), item->second.kpis.front());
    };
    const auto into =
        item->second.version > 0 ? cases_.end() : std::find_if(cases_.begin(), cases_.end(), joins);
    if (into != cases_.end()) {
      move_into(item, into->second);
    }
    item = next;
  }
}

Infer::Cases::iterator Infer::same_incident(Cases::iterator item, const Judgement& judgement) {
  const Ranking ranking = ranking_of(judgement);
  return std::find_if(cases_.begin(), cases_.end(), [&](const auto& other) {
    const Case& said = other.second;
    const KpiEvent& theirs = said.kpis.front();
    const KpiEvent& ours = item->second.kpis.front();
    const Duration apart = moment_of(theirs, theirs.started) - moment_of(ours, ours.started);
    return &other != &*item && said.version > 0 && !said.ranking.empty() && !ranking.empty() &&
           said.ranking.front() == ranking.front() && apart <= config_.together &&
           -apart <= config_.together;
  });
}

void Infer::move_into(Cases::iterator from, Case& into) {
  for (KpiEvent& kpi : from->second.kpis) {
    case_of_.find(kpi.event_id)->second = case_of_.at(into.kpis.front().event_id);
    into.kpis.push_back(std::move(kpi));
  }
  into.heard = std::max(into.heard, from->second.heard);
  ++joined_;
  cases_.erase(from);
}

void Infer::remember_versions(const std::string& id, const Case& closed) {
  if (versions_.size() >= most_versions && !versions_.contains(id)) {
    versions_.erase(versions_.begin());  // Ids begin with a time: the oldest.
  }
  versions_[id] = closed.versions_before + closed.version;
}

}  // namespace gala::infer
