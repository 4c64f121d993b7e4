// Paths over the declared relations, type by type.
#include "runtime/model/paths.h"

#include "runtime/model/fill.h"
#include "runtime/model/parse.h"

namespace gala {
namespace {

TypeNames step(const TypeNames& from, const Hop& hop, std::span<const Entity> all) {
  TypeNames next;
  for (const Entity& owner : all) {
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

}  // namespace

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

std::vector<std::string> placeholders(std::string_view sentence) {
  std::vector<std::string> names;
  fill(sentence, [&](std::string_view name) -> std::optional<std::string> {
    names.emplace_back(name);
    return std::nullopt;
  });
  return names;
}

void check_relation_word(const Place& place, const std::string& word,
                         std::span<const RelationKind> kinds, Diagnostics& diagnostics) {
  const std::vector<std::string> known = names_of(kinds);
  if (!known.empty() && !word.empty() && !contains(known, word)) {
    const std::string hint = did_you_mean(word, known);
    diagnostics.error(place, "unknown relation " + quote(word) +
                                 (hint.empty() ? "; it must be " + list_words(known) : hint));
  }
}

std::optional<TypeNames> walk_types(const Entity& start, std::span<const Hop> hops,
                                    const Declared& declared, const Place& place,
                                    Diagnostics& diagnostics) {
  TypeNames reached{start.name};
  for (const Hop& hop : hops) {
    const auto all = declared.entities;
    check_relation_word(place, hop.relation, declared.kinds, diagnostics);
    if (!hop.entity.empty() && std::ranges::find(all, hop.entity, &Entity::name) == all.end()) {
      diagnostics.error(
          place, "unknown entity " + quote(hop.entity) + did_you_mean(hop.entity, names_of(all)));
      return std::nullopt;
    }
    TypeNames next = step(reached, hop, all);
    if (next.empty()) {
      const std::vector<std::string> from(reached.begin(), reached.end());
      diagnostics.error(place, "no declared relation leads from " + list_words(from) +
                                   " by the hop \"" + to_text(std::span(&hop, 1)) + "\"");
      return std::nullopt;
    }
    reached = std::move(next);
  }
  return reached;
}

}  // namespace gala
