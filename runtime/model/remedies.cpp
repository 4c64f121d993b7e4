// Which remedies mend which metrics, and the rules of the model for them.
#include <algorithm>
#include <array>
#include <set>

#include "runtime/model/fill.h"
#include "runtime/model/parse.h"
#include "runtime/model/remedy_grammar.h"

namespace gala {
namespace {

/// What a remedy may say of what it mends besides keys and labels.
constexpr std::array<std::string_view, 5> words{"cause.value", "cause.baseline", "cause.number",
                                                "cause.metric", "cause.entity_id"};

class RemedyChecker {
 public:
  RemedyChecker(std::span<const Entity> entities, Diagnostics& diagnostics)
      : entities_(entities), diagnostics_(diagnostics) {}

  void run() {
    std::set<std::string_view> seen;
    for (const Entity& entity : entities_) {
      for (const Remedy& remedy : entity.remedies) {
        if (!seen.insert(remedy.id).second) {
          diagnostics_.error(remedy.place, "there are two remedies " + quote(remedy.id));
        }
        if (remedy.mends.empty() || remedy.target.empty()) {
          diagnostics_.error(remedy.place, "a remedy needs \"mends\" and \"target\"");
        }
        check_grammar(remedy);
        std::ranges::for_each(remedy.mends,
                              [&](const std::string& name) { check_metric(remedy, name); });
      }
    }
  }

 private:
  void check_grammar(const Remedy& remedy) {
    for (const std::string& target : remedy.target) {
      if (const auto fault = target_fault(target)) {
        diagnostics_.error(remedy.place, "\"target\": " + *fault);
      }
    }
    if (const auto fault = proposal_fault(remedy.propose)) {
      diagnostics_.error(remedy.place, "\"propose\": " + *fault);
    }
  }

  void check_metric(const Remedy& remedy, const std::string& name) {
    const auto dot = std::min(name.find('.'), name.size());
    const auto entity = std::ranges::find(entities_, name.substr(0, dot), &Entity::name);
    if (dot == name.size() || !is_a_cause(name)) {
      diagnostics_.error(remedy.place, "nothing mends " + quote(name) +
                                           ": no cause is \"of\" it; write \"entity.metric\"");
      return;
    }
    check_words(remedy, *entity, remedy.propose);
    check_words(remedy, *entity, remedy.text.en);
    check_words(remedy, *entity, remedy.text.zh);
    for (const std::string& target : remedy.target) {
      check_words(remedy, *entity, target);
    }
  }

  [[nodiscard]] bool is_a_cause(const std::string& name) const {
    return std::ranges::any_of(entities_, [&](const Entity& entity) {
      return std::ranges::any_of(entity.causes, [&](const Cause& cause) {
        return cause.entity + "." + cause.hazard.metric == name;
      });
    });
  }

  void check_words(const Remedy& remedy, const Entity& entity, const std::string& pattern) {
    fill(pattern, [&](std::string_view name) -> std::optional<std::string> {
      if (std::ranges::find(words, name) == words.end() && !names_attribute(entity, name)) {
        diagnostics_.error(remedy.place, "{" + std::string(name) + "} is not known of " +
                                             quote(entity.name) + ", which this remedy mends");
      }
      return std::nullopt;
    });
  }

  /// "cause.<name>|<name>…": the first that is known counts.
  static bool names_attribute(const Entity& entity, std::string_view name) {
    constexpr std::string_view side = "cause.";
    if (!name.starts_with(side)) {
      return false;
    }
    name.remove_prefix(side.size());
    while (!name.empty()) {
      const auto bar = std::min(name.find('|'), name.size());
      if (entity.has_attribute(name.substr(0, bar))) {
        return true;
      }
      name.remove_prefix(std::min(bar + 1, name.size()));
    }
    return false;
  }

  std::span<const Entity> entities_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<const Remedy*> Model::remedies_of(std::string_view entity,
                                              std::string_view metric) const {
  const std::string name = std::string(entity) + "." + std::string(metric);
  std::vector<const Remedy*> remedies;
  for (const Entity& owner : entities_) {
    for (const Remedy& remedy : owner.remedies) {
      if (std::ranges::find(remedy.mends, name) != remedy.mends.end()) {
        remedies.push_back(&remedy);
      }
    }
  }
  return remedies;
}

void check_remedies(std::span<const Entity> entities, Diagnostics& diagnostics) {
  RemedyChecker(entities, diagnostics).run();
}

}  // namespace gala
