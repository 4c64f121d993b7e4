// The rules of the model: inside one entity, and between entities (relations, causes).
#include <algorithm>
#include <array>
#include <set>

#include "runtime/model/parse.h"
#include "runtime/model/paths.h"
#include "runtime/model/unit.h"

namespace gala {
namespace {

/// What `threshold` knows about a judged value besides keys and labels.
constexpr std::array<std::string_view, 10> check_words{
    "value",  "limit",     "expected", "change",    "unit",
    "metric", "statistic", "entity",   "entity_id", "machine_id"};
class EntityChecker {
 public:
  EntityChecker(const Entity& entity, const Declared& declared, Diagnostics& diagnostics)
      : entity_(entity),
        declared_(declared),
        all_(declared.entities),
        diagnostics_(diagnostics),
        attributes_(attributes_of(entity)) {}

  void run() {
    if (entity_.keys.empty() && entity_.level != "host") {
      diagnostics_.error(entity_.place,
                         "entity " + quote(entity_.name) +
                             " has no [key.…]; without one its things cannot be told "
                             "apart");
    }
    check_attribute_names();
    std::ranges::for_each(entity_.tables, [&](const Table& one) { check_table(one); });
    std::ranges::for_each(entity_.metrics, [&](const Metric& one) { check_metric(one); });
    check_checks();
    std::ranges::for_each(entity_.relations, [&](const Relation& one) { check_relation(one); });
    check_hazards();
    if (entity_.samples) {
      check_samples(*entity_.samples);
    }
  }

 private:
  const Entity* find(std::string_view name) const {
    const auto found = std::ranges::find(all_, name, &Entity::name);
    return found == all_.end() ? nullptr : &*found;
  }

  void error(const Place& place, std::string text) { diagnostics_.error(place, std::move(text)); }

  void check_attribute_names() {
    std::set<std::string_view> seen;
    for (const auto* attributes : {&entity_.keys, &entity_.labels}) {
      for (const Attribute& attribute : *attributes) {
        if (!seen.insert(attribute.name).second) {
          error(attribute.place, quote(attribute.name) + " is both a key and a label; keep one");
        }
      }
    }
  }

  void check_source(const Place& place, const std::string& from) {
    if (!from.empty() && from.find('.') == std::string::npos) {
      error(place,
            "from = " + quote(from) + " must be \"<probe>.<table>\", such as \"tcp_link.sockets\"");
    }
  }

  void check_samples(const Samples& samples) {
    check_source(samples.place, samples.from);
    const std::vector<std::string> keys = names_of(entity_.keys);
    for (const auto& [ours, theirs] : samples.rename) {
      if (!contains(keys, ours)) {
        error(samples.place, "[samples] renames " + quote(ours) + ", which is no key of " +
                                 quote(entity_.name) + did_you_mean(ours, keys));
      }
    }
    for (const auto* metrics : {&samples.failed, &samples.slow}) {
      std::ranges::for_each(*metrics,
                            [&](const std::string& one) { require_metric(samples.place, one); });
    }
  }

  void check_table(const Table& table) {
    check_source(table.place, table.from);
    for (const auto& [ours, theirs] : table.rename) {
      if (!entity_.has_attribute(ours)) {
        error(table.place, "table " + quote(table.name) + " renames " + quote(ours) +
                               ", which is neither a key nor a label of " + quote(entity_.name) +
                               did_you_mean(ours, attributes_));
      }
    }
  }

  void check_metric(const Metric& metric) {
    if (!metric.table.empty() && entity_.find_table(metric.table) == nullptr) {
      error(metric.place, "metric " + quote(metric.name) + " is in the unknown table " +
                              quote(metric.table) +
                              did_you_mean(metric.table, names_of(entity_.tables)));
    }
    if (entity_.has_attribute(metric.name)) {
      error(metric.place, quote(metric.name) + " is a key or label too; rename one of them");
    }
    if (find_unit(metric.unit) == nullptr) {
      const std::vector<std::string> names(known_units().begin(), known_units().end());
      error(metric.place, "metric " + quote(metric.name) + " has the unknown unit " +
                              quote(metric.unit) + "; it must be " + list_words(names));
    }
  }

  void check_checks() {
    std::set<std::string_view> seen;
    for (const Check& check : entity_.checks) {
      if (!check.id.empty() && !seen.insert(check.id).second) {
        error(check.place, "a second check " + quote(check.id) + " of " + quote(entity_.name) +
                               "; ids are unique within an entity");
      }
      check_values(entity_, check, check.place, diagnostics_);
      check_names(check.place, check.among, entity_);
      check_sentence(check.place, check.text, diagnostics_, [&](std::string_view name) {
        return contains(attributes_, name) ||
               std::ranges::find(check_words, name) != check_words.end() ||
               is_metric_beside(check.metric, name);
      });
    }
  }

  /// A plain metric of the same table, as it is or by the hour.
  [[nodiscard]] bool is_metric_beside(std::string_view metric, std::string_view name) const {
    const Metric* own = entity_.find_metric(metric);
    const Metric* other = entity_.find_metric(name.substr(0, name.find('.')));
    return own != nullptr && other != nullptr && own->table == other->table &&
           other->type != MetricType::histogram &&
           (name == other->name || (name.ends_with(".per_hour") && other->unit.ends_with("/s")));
  }

  void check_names(const Place& place, std::span<const std::string> names, const Entity& owner) {
    const std::vector<std::string> known = attributes_of(owner);
    for (const std::string& name : names) {
      if (!contains(known, name)) {
        error(place, "entity " + quote(owner.name) + " has no key or label " + quote(name) +
                         did_you_mean(name, known));
      }
    }
  }

  void check_where(const Place& place, const Where& where, const Entity& owner) {
    std::vector<std::string> names;
    for (const auto& [name, values] : where) {
      names.push_back(name);
    }
    check_names(place, names, owner);
  }

  void report_unknown_entity(const Place& place, const std::string& name) {
    if (!name.empty()) {
      error(place, "unknown entity " + quote(name) + did_you_mean(name, names_of(all_)));
    }
  }

  void check_relation(const Relation& relation) {
    check_relation_word(relation.place, relation.kind, declared_.kinds, diagnostics_);
    check_where(relation.place, relation.where, entity_);
    check_names(relation.place, relation.absent, entity_);
    if (relation.across_hosts && relation.match.empty()) {
      error(relation.place,
            "a relation across hosts needs \"match\"; without it everything is related");
    }
    const Entity* to = find(relation.to);
    if (to == nullptr) {
      report_unknown_entity(relation.place, relation.to);
      return;
    }
    check_where(relation.place, relation.to_where, *to);
    check_via(relation);
    check_alone(relation, *to);
    for (const auto* pairs : {&relation.match, &relation.match_present}) {
      for (const auto& [ours, theirs] : *pairs) {
        check_names(relation.place, std::span(&ours, 1), entity_);
        check_names(relation.place, std::span(&theirs, 1), *to);
      }
    }
  }

  void check_via(const Relation& relation) {
    if (relation.via.empty()) {
      return;
    }
    if (relation.via.size() != 2 || relation.via[0].entity.empty() ||
        relation.via[1].entity != relation.to) {
      error(relation.place, "\"via\" needs two hops that name their entities, the second one " +
                                quote(relation.to));
      return;
    }
    if (!relation.match.empty() || relation.indirect || relation.alone) {
      error(relation.place,
            "a relation with \"via\" follows from others: it takes no match, "
            "indirect or alone");
    }
    walk_types(entity_, relation.via, declared_, relation.place, diagnostics_);
  }

  void check_alone(const Relation& relation, const Entity& to) {
    if (relation.alone && (relation.match.empty() || entity_.tables.empty() == to.tables.empty())) {
      error(relation.place,
            "\"alone\" needs \"match\", and one of the two entities must be without tables");
    }
  }

  void check_hazards() {
    std::set<std::string_view> seen;
    for (const Hazard& hazard : entity_.hazards) {
      if (!hazard.id.empty() && !seen.insert(hazard.id).second) {
        error(hazard.place, "a second hazard " + quote(hazard.id) + " of " + quote(entity_.name) +
                                "; ids are unique within an entity");
      }
      check_where(hazard.place, hazard.where, entity_);
      if (!hazard.together.empty()) {
        check_names(hazard.place, std::span(&hazard.together, 1), entity_);
      }
      if (const Metric* metric = require_metric(hazard.place, hazard.metric)) {
        check_statistic(*metric, hazard.statistic, hazard.place, diagnostics_);
      }
    }
    for (const MetricGroup& group : entity_.groups) {
      std::ranges::for_each(group.metrics,
                            [&](const std::string& one) { require_metric(group.place, one); });
      if (entity_.find_metric(group.name) != nullptr) {
        error(group.place, quote(group.name) + " is a metric too; rename the group");
      }
    }
  }

  const Metric* require_metric(const Place& place, const std::string& name) {
    const Metric* metric = entity_.find_metric(name);
    if (metric == nullptr && !name.empty()) {
      error(place, "entity " + quote(entity_.name) + " has no metric " + quote(name) +
                       did_you_mean(name, names_of(entity_.metrics)));
    }
    return metric;
  }

  const Entity& entity_;
  const Declared& declared_;
  std::span<const Entity> all_;
  Diagnostics& diagnostics_;
  std::vector<std::string> attributes_;
};

}  // namespace

void check_entities(std::span<const Entity> entities, std::span<const RelationKind> kinds,
                    Diagnostics& diagnostics) {
  const Declared declared{entities, kinds};
  for (const Entity& entity : entities) {
    EntityChecker(entity, declared, diagnostics).run();
  }
}

}  // namespace gala
