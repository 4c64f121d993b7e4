// Reads the model for the series that causes and KPIs name.
#include "stages/infer/interest.h"

#include <algorithm>

namespace gala::infer {

Interest::Interest(const Model& model) : model_(model) {
  for (const Entity& entity : model.entities()) {
    for (const Cause& cause : entity.causes) {
      remember(cause.entity, {cause.hazard.metric, cause.hazard.statistic});
      if (!cause.exposure.rate.empty()) {
        remember(entity.name, {cause.exposure.rate, Statistic::value});
      }
      for (const std::string& need : cause.exposure.needs) {
        const auto dot = need.find('.');
        remember(need.substr(0, dot), {need.substr(std::min(dot, need.size() - 1) + 1)});
      }
      causes_[entity.name][cause.effect].push_back(&cause);
    }
    for (const Relation& relation : entity.relations) {
      if (relation.indirect) {
        owners_.insert({entity.name, relation.to});
      }
    }
    for (const Check& check : entity.checks) {
      const Metric* metric = entity.find_metric(check.metric);
      if (metric != nullptr && metric->kpi) {
        remember(entity.name, {check.metric, check.statistic});
      }
    }
  }
  for (auto& [entity, names] : series_) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
  }
}

void Interest::remember(const std::string& entity, SeriesName name) {
  series_[entity].push_back(std::move(name));
}

const std::vector<SeriesName>& Interest::series_of(std::string_view entity) const {
  static const std::vector<SeriesName> none;
  const auto found = series_.find(entity);
  return found == series_.end() ? none : found->second;
}

std::optional<std::size_t> Interest::slot(std::string_view entity, const SeriesName& name) const {
  const std::vector<SeriesName>& names = series_of(entity);
  const auto found = std::lower_bound(names.begin(), names.end(), name);
  if (found == names.end() || *found != name) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - names.begin());
}

const std::vector<const Cause*>& Interest::causes_of(std::string_view entity,
                                                     std::string_view metric) const {
  static const std::vector<const Cause*> none;
  const auto by_metric = causes_.find(entity);
  if (by_metric == causes_.end()) {
    return none;
  }
  const auto found = by_metric->second.find(metric);
  return found == by_metric->second.end() ? none : found->second;
}

const Entity* Interest::entity(std::string_view name) const { return model_.find(name); }

}  // namespace gala::infer
