// What the checks of a model share: names, paths over relations, placeholders of sentences.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/diagnostics.h"
#include "runtime/model/model.h"

namespace gala {

template <class Items>
std::vector<std::string> names_of(const Items& items) {
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const auto& item : items) {
    names.push_back(item.name);
  }
  return names;
}

/// Keys and labels, and what every observation carries.
std::vector<std::string> attributes_of(const Entity& entity);

bool contains(std::span<const std::string> words, std::string_view word);

/// All {names} of a sentence.
std::vector<std::string> placeholders(std::string_view sentence);

/// Reports every placeholder of either language that is not `known`.
template <class Known>
void check_sentence(const Place& place, const Text& text, Diagnostics& diagnostics, Known&& known) {
  for (const std::string_view sentence : {std::string_view(text.en), std::string_view(text.zh)}) {
    for (const std::string& name : placeholders(sentence)) {
      if (!known(name)) {
        diagnostics.error(place, "the text uses {" + name +
                                     "}, which is neither a key, a label, a metric of the same "
                                     "table nor a word known here");
      }
    }
  }
}

/// What the files of a model declare.
struct Declared {
  std::span<const Entity> entities;
  /// Empty: any word names a kind.
  std::span<const RelationKind> kinds;
};

/// Reports a word that names no kind of relation.
void check_relation_word(const Place& place, const std::string& word,
                         std::span<const RelationKind> kinds, Diagnostics& diagnostics);

using TypeNames = std::set<std::string, std::less<>>;

/// Walks the types from `start`: those that the last hop can end at; nothing after an error.
std::optional<TypeNames> walk_types(const Entity& start, std::span<const Hop> hops,
                                    const Declared& declared, const Place& place,
                                    Diagnostics& diagnostics);

}  // namespace gala
