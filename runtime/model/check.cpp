// The rules of the model: inside one entity, and between entities (relations, causes).
#include <algorithm>
#include <array>
#include <set>

#include "runtime/model/parse.h"
#include "runtime/model/unit.h"

namespace gala {
namespace {

constexpr std::array<std::string_view, 11> relation_words{
    "runs_on",   "belongs_to", "is_peer",   "connect",   "has_vhost", "store_in",
    "is_server", "is_client",  "waits_for", "stands_on", "uses"};

/// What `threshold` knows about a judged value besides keys and labels.
constexpr std::array<std::string_view, 10> check_words{
    "value",  "limit",     "expected", "change",    "unit",
    "metric", "statistic", "entity",   "entity_id", "machine_id"};
/// What `infer` knows about each side (cause, effect, kpi) besides keys and labels.
constexpr std::array<std::string_view, 10> cause_words{"value",  "baseline", "peak",   "unit",
                                                       "change", "entity",   "metric", "entity_id",
                                                       "lead",   "together"};

template <class Items>
std::vector<std::string> names_of(const Items& items) {
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const auto& item : items) {
    names.push_back(item.name);
  }
  return names;
}

std::vector<std::string> attributes_of(const Entity& entity) {
  std::vector<std::string> names = names_of(entity.keys);
  std::ranges::move(names_of(entity.labels), std::back_inserter(names));
  // Every observation carries it, whether or not it is a key.
  names.emplace_back("machine_id");
  return names;
}

bool contains(std::span<const std::string> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

/// All {names} of a sentence.
std::vector<std::string> placeholders(std::string_view sentence) {
  std::vector<std::string> names;
  fill(sentence, [&](std::string_view name) -> std::optional<std::string> {
    names.emplace_back(name);
    return std::nullopt;
  });
  return names;
}

class EntityChecker {
 public:
  EntityChecker(const Entity& entity, std::span<const Entity> all, Diagnostics& diagnostics)
      : entity_(entity), all_(all), diagnostics_(diagnostics), attributes_(attributes_of(entity)) {}

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
    std::ranges::for_each(entity_.causes, [&](const Cause& one) { check_cause(one); });
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

  void check_table(const Table& table) {
    if (!table.from.empty() && table.from.find('.') == std::string::npos) {
      error(table.place, "from = " + quote(table.from) +
                             " must be \"<probe>.<table>\", such as \"tcp_link.sockets\"");
    }
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
      check_sentence(check.place, check.text, [&](std::string_view name) {
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

  template <class Known>
  void check_sentence(const Place& place, const Text& text, Known&& known) {
    for (const std::string_view sentence : {std::string_view(text.en), std::string_view(text.zh)}) {
      for (const std::string& name : placeholders(sentence)) {
        if (!known(name)) {
          error(place, "the text uses {" + name +
                           "}, which is neither a key, a label, a metric of the same table nor a "
                           "word known here");
        }
      }
    }
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

  void check_relation_word(const Place& place, const std::string& word) {
    const std::vector<std::string> known(relation_words.begin(), relation_words.end());
    if (!word.empty() && !contains(known, word)) {
      const std::string hint = did_you_mean(word, known);
      error(place, "unknown relation " + quote(word) +
                       (hint.empty() ? "; it must be " + list_words(known) : hint));
    }
  }

  void report_unknown_entity(const Place& place, const std::string& name) {
    if (!name.empty()) {
      error(place, "unknown entity " + quote(name) + did_you_mean(name, names_of(all_)));
    }
  }

  void check_relation(const Relation& relation) {
    check_relation_word(relation.place, relation.kind);
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
    check_hops(relation.place, relation.via);
  }

  void check_alone(const Relation& relation, const Entity& to) {
    if (relation.alone && (relation.match.empty() || entity_.tables.empty() == to.tables.empty())) {
      error(relation.place,
            "\"alone\" needs \"match\", and one of the two entities must be without tables");
    }
  }

  void check_cause(const Cause& cause) {
    if (!cause.effect.empty() && entity_.find_metric(cause.effect) == nullptr) {
      error(cause.place, "the effect " + quote(cause.effect) + " is no metric of " +
                             quote(entity_.name) +
                             did_you_mean(cause.effect, names_of(entity_.metrics)));
    }
    if (cause.above && cause.below && *cause.below > *cause.above) {
      error(cause.place, "below must not exceed above");
    }
    const Entity* origin = find(cause.cause_entity);
    if (origin == nullptr) {
      report_unknown_entity(cause.place, cause.cause_entity);
      return;
    }
    check_cause_metric(cause, *origin);
    check_where(cause.place, cause.where, *origin);
    check_path(cause.place, cause.path, origin->name);
    check_needs(cause);
    const std::vector<std::string> theirs = attributes_of(*origin);
    if (!cause.group.empty() && !contains(theirs, cause.group)) {
      error(cause.place, "entity " + quote(origin->name) + " has no key or label " +
                             quote(cause.group) + did_you_mean(cause.group, theirs));
    }
    check_sentence(cause.place, cause.text, [&](std::string_view name) {
      const auto dot = name.find('.');
      const std::string_view side = name.substr(0, dot);
      const std::string_view word = dot == std::string_view::npos ? "" : name.substr(dot + 1);
      const bool attribute = (side == "cause" && contains(theirs, word)) ||
                             (side == "effect" && contains(attributes_, word)) ||
                             (side == "kpi" && is_kpi_attribute(word));
      const bool known_side = side == "cause" || side == "effect" || side == "kpi";
      return attribute || (known_side && std::ranges::find(cause_words, word) != cause_words.end());
    });
  }

  /// A chain of causes may end at any KPI, so its sentence may use the keys and labels of any.
  bool is_kpi_attribute(std::string_view name) const {
    return std::ranges::any_of(all_, [&](const Entity& entity) {
      return entity.has_attribute(name) && std::ranges::any_of(entity.metrics, &Metric::kpi);
    });
  }

  void check_cause_metric(const Cause& cause, const Entity& origin) {
    const Metric* metric = origin.find_metric(cause.cause_metric);
    if (metric == nullptr) {
      error(cause.place, "entity " + quote(origin.name) + " has no metric " +
                             quote(cause.cause_metric) +
                             did_you_mean(cause.cause_metric, names_of(origin.metrics)));
      return;
    }
    check_statistic(*metric, cause.statistic, cause.place, diagnostics_);
  }

  void check_needs(const Cause& cause) {
    if (!cause.covers_rate.empty() && entity_.find_metric(cause.covers_rate) == nullptr) {
      error(cause.place, quote(cause.covers_rate) + " is no metric of " + quote(entity_.name) +
                             did_you_mean(cause.covers_rate, names_of(entity_.metrics)));
    }
    for (const std::string& need : cause.needs) {
      const auto dot = need.find('.');
      const Entity* owner = find(need.substr(0, dot));
      if (dot == std::string::npos || owner == nullptr ||
          owner->find_metric(need.substr(dot + 1)) == nullptr) {
        error(cause.place, quote(need) + " in \"needs\" is no \"entity.metric\" of the model");
        continue;
      }
      check_path(cause.place, cause.needs_path, owner->name);
    }
  }

  void check_path(const Place& place, const std::vector<Hop>& path, const std::string& end) {
    const auto reached = check_hops(place, path);
    if (reached && !reached->contains(end)) {
      error(place, "the path does not lead to " + quote(end) +
                       (path.empty() ? "; without \"path\" a cause is in the same entity"
                                     : std::string{}));
    }
  }

  using TypeNames = std::set<std::string, std::less<>>;

  /// Walks the types from this entity: those that the last hop can end at; nothing after an error.
  std::optional<TypeNames> check_hops(const Place& place, const std::vector<Hop>& hops) {
    TypeNames reached{entity_.name};
    for (const Hop& hop : hops) {
      check_relation_word(place, hop.relation);
      if (!hop.entity.empty() && find(hop.entity) == nullptr) {
        report_unknown_entity(place, hop.entity);
        return std::nullopt;
      }
      TypeNames next = walk(reached, hop);
      if (next.empty()) {
        std::string from;
        for (const std::string& one : reached) {
          from.append(from.empty() ? "" : ", ").append(one);
        }
        error(place, "no declared relation leads from " + from + " by the hop \"" +
                         (hop.forward ? ">" : "<") + hop.relation +
                         (hop.entity.empty() ? "" : ":" + hop.entity) + "\"");
        return std::nullopt;
      }
      reached = std::move(next);
    }
    return reached;
  }

  TypeNames walk(const TypeNames& from, const Hop& hop) const {
    TypeNames next;
    for (const Entity& owner : all_) {
      for (const Relation& relation : owner.relations) {
        const std::string& start = hop.forward ? owner.name : relation.to;
        const std::string& end = hop.forward ? relation.to : owner.name;
        if (relation.kind == hop.relation && from.contains(start) &&
            (hop.entity.empty() || hop.entity == end)) {
          next.insert(end);
        }
      }
    }
    return next;
  }

  const Entity& entity_;
  std::span<const Entity> all_;
  Diagnostics& diagnostics_;
  std::vector<std::string> attributes_;
};

}  // namespace

void check_entities(std::span<const Entity> entities, Diagnostics& diagnostics) {
  for (const Entity& entity : entities) {
    EntityChecker(entity, entities, diagnostics).run();
  }
}

}  // namespace gala
