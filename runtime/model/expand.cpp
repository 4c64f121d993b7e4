// Each exposure with every hazard that it reaches: the rules that infer follows.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "runtime/model/parse.h"
#include "runtime/model/paths.h"

namespace gala {
namespace {

/// What `infer` knows about each side (cause, effect, kpi) besides keys and labels.
constexpr std::array<std::string_view, 10> cause_words{"value",  "baseline", "peak",   "unit",
                                                       "change", "entity",   "metric", "entity_id",
                                                       "lead",   "together"};

/// A series' name: entity, metric, statistic, direction.
auto series_of(const Cause& cause) {
  return std::tuple(std::string_view(cause.entity), std::string_view(cause.hazard.metric),
                    cause.hazard.statistic, cause.hazard.direction);
}

/// Who is believed most comes first. Hazards of one series stand together, the lower limit before
/// the higher one: what exceeds the higher one exceeds both.
void order_by_belief(std::vector<Cause>& causes) {
  using Series = decltype(series_of(causes.front()));
  std::map<std::pair<std::string_view, Series>, double> belief;
  for (const Cause& cause : causes) {
    double& most = belief[{cause.effect, series_of(cause)}];
    most = std::max(most, cause.hazard.prior);
  }
  struct Key {
    double doubt;
    Series series;
    double above;
    std::string path;
    double own_doubt;
    std::string_view id;
    std::size_t place;
    auto operator<=>(const Key&) const = default;
  };
  std::vector<Key> keys;
  for (std::size_t i = 0; i < causes.size(); ++i) {
    const Cause& cause = causes[i];
    keys.push_back({-belief.at({cause.effect, series_of(cause)}), series_of(cause),
                    cause.hazard.above.value_or(0), to_text(cause.exposure.path),
                    -cause.hazard.prior, cause.hazard.id, i});
  }
  std::ranges::sort(keys, [](const Key& a, const Key& b) { return a < b; });
  std::vector<Cause> ordered;
  ordered.reserve(causes.size());
  for (const Key& key : keys) {
    ordered.push_back(causes[key.place]);
  }
  causes = std::move(ordered);
}

class Expansion {
 public:
  Expansion(std::span<Entity> entities, std::span<const RelationKind> kinds,
            Diagnostics& diagnostics)
      : entities_(entities), declared_{entities, kinds}, diagnostics_(diagnostics) {}

  void run() {
    for (Entity& sufferer : entities_) {
      for (const Exposure& exposure : sufferer.exposures) {
        expand(sufferer, exposure);
      }
      order_by_belief(sufferer.causes);
    }
    for (const Entity& entity : entities_) {
      for (const Hazard& hazard : entity.hazards) {
        if (!reached_.contains(&hazard)) {
          diagnostics_.error(hazard.place, "hazard " + quote(hazard.id) +
                                               " harms nothing: no "
                                               "[[exposure]] to " +
                                               list_words(hazard.kinds) + " leads to " +
                                               quote(entity.name));
        }
      }
    }
  }

 private:
  [[nodiscard]] const Entity* find(std::string_view name) const {
    const auto found = std::ranges::find(entities_, name, &Entity::name);
    return found == entities_.end() ? nullptr : &*found;
  }

  void expand(Entity& sufferer, const Exposure& exposure) {
    const std::vector<std::string> effects = effects_of(sufferer, exposure);
    check_needs(sufferer, exposure);
    const auto types = walk_types(sufferer, exposure.path, declared_, exposure.place, diagnostics_);
    if (!types) {
      return;
    }
    std::set<const Hazard*> seen;
    for (const std::string& word : exposure.to) {
      const std::vector<Reached> meant = meant_by(word, *types);
      if (meant.empty()) {
        report_unknown(exposure, word, *types);
      }
      for (const auto& [owner, hazard] : meant) {
        if (seen.insert(hazard).second) {
          join(sufferer, effects, exposure, *owner, *hazard);
        }
      }
    }
  }

  struct Reached {
    const Entity* owner;
    const Hazard* hazard;
  };

  /// The hazards of these entity types that are of the kind `word`, or called so.
  [[nodiscard]] std::vector<Reached> meant_by(std::string_view word, const TypeNames& types) const {
    std::vector<Reached> meant;
    for (const std::string& type : types) {
      const Entity* owner = find(type);
      for (const Hazard& hazard : owner->hazards) {
        if (contains(hazard.kinds, word) || owner->name + "." + hazard.id == word) {
          meant.push_back({owner, &hazard});
        }
      }
    }
    return meant;
  }

  void join(Entity& sufferer, std::span<const std::string> effects, const Exposure& exposure,
            const Entity& owner, const Hazard& hazard) {
    reached_.insert(&hazard);
    check_text(sufferer, exposure, owner, hazard);
    Cause cause{"", owner.name, hazard, exposure};
    cause.exposure.suffers.clear();
    cause.exposure.to.clear();
    cause.hazard.prior = std::min(1.0, hazard.prior * exposure.factor);
    cause.hazard.within = exposure.within.value_or(hazard.within);
    if (hazard.method == Method::level || hazard.method == Method::appears) {
      cause.exposure.covers = 0;
      cause.exposure.rate.clear();
    }
    for (const std::string& effect : effects) {
      cause.effect = effect;
      sufferer.causes.push_back(cause);
    }
  }

  std::vector<std::string> effects_of(const Entity& sufferer, const Exposure& exposure) {
    std::vector<std::string> effects;
    for (const std::string& word : exposure.suffers) {
      const auto group = std::ranges::find(sufferer.groups, word, &MetricGroup::name);
      if (group != sufferer.groups.end()) {
        effects.insert(effects.end(), group->metrics.begin(), group->metrics.end());
      } else if (sufferer.find_metric(word) != nullptr) {
        effects.push_back(word);
      } else {
        std::vector<std::string> known = names_of(sufferer.metrics);
        std::ranges::move(names_of(sufferer.groups), std::back_inserter(known));
        diagnostics_.error(exposure.place, quote(word) + " is no metric or group of " +
                                               quote(sufferer.name) + did_you_mean(word, known));
      }
    }
    return effects;
  }

  void check_needs(const Entity& sufferer, const Exposure& exposure) {
    if (!exposure.rate.empty() && sufferer.find_metric(exposure.rate) == nullptr) {
      diagnostics_.error(exposure.place,
                         quote(exposure.rate) + " is no metric of " + quote(sufferer.name) +
                             did_you_mean(exposure.rate, names_of(sufferer.metrics)));
    }
    if (exposure.needs.empty()) {
      return;
    }
    const auto ends =
        walk_types(sufferer, exposure.needs_path, declared_, exposure.place, diagnostics_);
    for (const std::string& need : exposure.needs) {
      const auto dot = std::min(need.find('.'), need.size());
      const Entity* owner = find(std::string_view(need).substr(0, dot));
      if (dot == need.size() || owner == nullptr ||
          owner->find_metric(need.substr(dot + 1)) == nullptr) {
        diagnostics_.error(exposure.place,
                           quote(need) + " in \"needs\" is no \"entity.metric\" of the model");
      } else if (ends && !ends->contains(owner->name)) {
        diagnostics_.error(exposure.place, "\"needs_path\" does not lead to " + quote(owner->name));
      }
    }
  }

  void report_unknown(const Exposure& exposure, const std::string& word, const TypeNames& types) {
    std::vector<std::string> known;
    for (const std::string& type : types) {
      for (const Hazard& hazard : find(type)->hazards) {
        known.insert(known.end(), hazard.kinds.begin(), hazard.kinds.end());
        known.push_back(type + "." + hazard.id);
      }
    }
    diagnostics_.error(exposure.place,
                       list_words(std::vector<std::string>(types.begin(), types.end())) +
                           " at the end of the path has no hazard " + quote(word) +
                           did_you_mean(word, known));
  }

  void check_text(const Entity& sufferer, const Exposure& exposure, const Entity& owner,
                  const Hazard& hazard) {
    const std::vector<std::string> theirs = attributes_of(owner);
    const std::vector<std::string> ours = attributes_of(sufferer);
    const auto known = [&](std::string_view name) {
      const auto dot = name.find('.');
      const std::string_view side = name.substr(0, dot);
      const std::string_view word = dot == std::string_view::npos ? "" : name.substr(dot + 1);
      const bool attribute = (side == "cause" && contains(theirs, word)) ||
                             (side == "effect" && contains(ours, word)) ||
                             (side == "kpi" && is_kpi_attribute(word));
      const bool known_side = side == "cause" || side == "effect" || side == "kpi";
      return attribute || (known_side && std::ranges::find(cause_words, word) != cause_words.end());
    };
    for (const std::string_view sentence :
         {std::string_view(hazard.text.en), std::string_view(hazard.text.zh)}) {
      for (const std::string& name : placeholders(sentence)) {
        if (!known(name)) {
          diagnostics_.error(hazard.place, "the text of hazard " + quote(hazard.id) + " uses {" +
                                               name + "}, which " + quote(sufferer.name) +
                                               " (exposed in line " +
                                               std::to_string(exposure.place.line) +
                                               " of its file) does not know");
        }
      }
    }
  }

  /// A chain of causes may end at any KPI, so its sentence may use the keys and labels of any.
  [[nodiscard]] bool is_kpi_attribute(std::string_view name) const {
    return std::ranges::any_of(entities_, [&](const Entity& entity) {
      return entity.has_attribute(name) && std::ranges::any_of(entity.metrics, &Metric::kpi);
    });
  }

  std::span<Entity> entities_;
  Declared declared_;
  Diagnostics& diagnostics_;
  std::set<const Hazard*> reached_;
};

}  // namespace

void expand_hazards(std::span<Entity> entities, std::span<const RelationKind> kinds,
                    Diagnostics& diagnostics) {
  Expansion(entities, kinds, diagnostics).run();
}

}  // namespace gala
