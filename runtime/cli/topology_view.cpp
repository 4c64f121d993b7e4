// A topology for people and for programs.
#include "runtime/cli/topology_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <map>
#include <set>

#include "runtime/text/json_parts.h"
#include "runtime/text/terminal.h"

namespace gala {
namespace {

std::string local_time(std::int64_t ms) {
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) {
    return "-";
  }
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%F %T", &parts));
  return text;
}

/// The label that people know an entity by; "" when it has none of them.
std::string_view name_of(const Replica::Node& node) {
  for (const char* label : {"comm", "hostname", "pod", "container_name", "vm_name"}) {
    if (const std::string_view name = node.label(label); !name.empty()) {
      return name;
    }
  }
  return {};
}

/// For a terminal: processes name themselves as they like.
std::string shown(const Replica::Node& node) {
  const std::string_view name = name_of(node);
  return printable(name.empty() ? std::string(node.id) : fmt::format("{} ({})", node.id, name));
}

std::string dot_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char character : printable(text)) {
    if (character == '"' || character == '\\') {
      out.push_back('\\');
    }
    out.push_back(character);
  }
  return out + "\"";
}

Json entity_json(const Replica::Node& node) {
  Json labels = Json::object();
  for (const auto& [name, value] : node.labels) {
    labels[std::string(name)] = value;
  }
  return {{"entity_id", node.id},
          {"entity", node.entity},
          {"machine_id", node.machine},
          {"labels", std::move(labels)}};
}

Json part_json(const TopologyPart& part) {
  Json entities = Json::array();
  for (const Replica::Index index : part.entities) {
    entities.push_back(entity_json(part.node(index)));
  }
  Json relations = Json::array();
  for (const KnownRelation& relation : part.relations) {
    const auto [from, word, to] = part.texts(relation);
    relations.push_back({{"from", from}, {"relation", word}, {"to", to}});
  }
  return {{"entities", std::move(entities)}, {"relations", std::move(relations)}};
}

/// What `more` has and `less` lacks.
TopologyPart difference(const TopologyPart& more, const TopologyPart& less) {
  TopologyPart out{more.of, {}, {}};
  std::ranges::set_difference(
      more.entities, less.entities, std::back_inserter(out.entities), {},
      [&](Replica::Index index) { return more.id(index); },
      [&](Replica::Index index) { return less.id(index); });
  std::ranges::set_difference(
      more.relations, less.relations, std::back_inserter(out.relations), {},
      [&](const KnownRelation& one) { return more.texts(one); },
      [&](const KnownRelation& one) { return less.texts(one); });
  return out;
}

std::string marked(const TopologyPart& part, char mark) {
  std::string out;
  for (const Replica::Index index : part.entities) {
    out += fmt::format("{} {}\n", mark, shown(part.node(index)));
  }
  for (const KnownRelation& relation : part.relations) {
    const auto [from, word, to] = part.texts(relation);
    out += fmt::format("{} {} {} {}\n", mark, printable(from), printable(word), printable(to));
  }
  return out;
}

/// When it was, and how much it is.
std::string headline(const TopologyPart& part) {
  return fmt::format("{}  {} entities, {} relations\n", local_time(part.of.time_ms),
                     part.entities.size(), part.relations.size());
}

}  // namespace

Result<std::string> find_entity(const TopologyPart& part, const std::string& text) {
  if (part.of.replica.find(text)) {
    return text;
  }
  std::vector<Replica::Index> found;
  for (const Replica::Index index : part.entities) {
    const Replica::Node node = part.node(index);
    // An id may stand without its machine.
    if (name_of(node) == text || node.id == std::string(node.machine) + "_" + text) {
      found.push_back(index);
    }
  }
  // Parts carry the name of what they belong to (the functions and ports of a process): the whole
  // is meant.
  const std::set<Replica::Index> named(found.begin(), found.end());
  std::set<Replica::Index> parts;
  for (const KnownRelation& relation : part.relations) {
    if (relation.from != relation.to && named.contains(relation.from) &&
        named.contains(relation.to)) {
      parts.insert(relation.from);
    }
  }
  if (parts.size() < found.size()) {
    std::erase_if(found, [&](Replica::Index index) { return parts.contains(index); });
  }
  if (found.size() == 1) {
    return std::string(part.id(found.front()));
  }
  if (found.empty()) {
    return fail("no entity has the id or name \"" + printable(text) + "\" at that time");
  }
  std::string list;
  constexpr std::size_t most = 12;
  for (std::size_t i = 0; i < std::min(found.size(), most); ++i) {
    list += "\n  " + printable(part.id(found[i]));
  }
  return fail("several entities are called \"" + printable(text) +
              "\"; take one of these ids:" + list + (found.size() > most ? "\n  …" : ""));
}

std::string summary_text(const TopologyPart& part) {
  std::map<std::string_view, std::size_t> entities;
  for (const Replica::Index index : part.entities) {
    ++entities[part.node(index).entity];
  }
  std::map<std::string, std::size_t> relations;
  for (const KnownRelation& relation : part.relations) {
    ++relations[fmt::format("{} {} {}", part.node(relation.from).entity, part.word(relation),
                            part.node(relation.to).entity)];
  }
  std::string out = headline(part);
  for (const auto& [name, count] : entities) {
    out += fmt::format("  {:>7}  {}\n", count, printable(name));
  }
  out += "\n";
  for (const auto& [name, count] : relations) {
    out += fmt::format("  {:>7}  {}\n", count, printable(name));
  }
  return out;
}

std::string relations_text(const TopologyPart& part) {
  std::string out = headline(part);
  for (const KnownRelation& relation : part.relations) {
    out += fmt::format("  {} {} {}\n", shown(part.node(relation.from)),
                       printable(part.word(relation)), shown(part.node(relation.to)));
  }
  return out;
}

std::string changes_text(const TopologyPart& before, const TopologyPart& after) {
  return fmt::format("{} to {}\n", local_time(before.of.time_ms), local_time(after.of.time_ms)) +
         marked(difference(before, after), '-') + marked(difference(after, before), '+');
}

std::string topology_json(const TopologyPart& part) {
  Json json = {{"Timestamp", part.of.time_ms}};
  json.update(part_json(part));
  return dump(json);
}

std::string changes_json(const TopologyPart& before, const TopologyPart& after) {
  return dump({{"from", before.of.time_ms},
               {"to", after.of.time_ms},
               {"removed", part_json(difference(before, after))},
               {"added", part_json(difference(after, before))}}) +
         "\n";
}

std::string topology_dot(const TopologyPart& part) {
  std::string out = "digraph topology {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const Replica::Index index : part.entities) {
    const Replica::Node node = part.node(index);
    const std::string_view name = name_of(node);
    out += fmt::format(
        "  {} [label={}];\n", dot_quoted(node.id),
        dot_quoted(name.empty() ? std::string(node.id) : fmt::format("{} {}", node.entity, name)));
  }
  for (const KnownRelation& relation : part.relations) {
    const auto [from, word, to] = part.texts(relation);
    out +=
        fmt::format("  {} -> {} [label={}];\n", dot_quoted(from), dot_quoted(to), dot_quoted(word));
  }
  return out + "}\n";
}

}  // namespace gala
