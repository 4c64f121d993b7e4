// A topology for people and for programs.
#include "runtime/cli/topology_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <nlohmann/json.hpp>

namespace gala {
namespace {

using Json = nlohmann::ordered_json;

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
std::string name_of(const KnownEntity& entity) {
  for (const char* label : {"comm", "hostname", "pod", "container_name", "vm_name"}) {
    if (const auto found = entity.labels.find(label); found != entity.labels.end()) {
      return found->second;
    }
  }
  return {};
}

std::string shown(const TopologyState& state, const std::string& id) {
  const auto found = state.entities.find(id);
  const std::string name = found == state.entities.end() ? "" : name_of(found->second);
  return name.empty() ? id : fmt::format("{} ({})", id, name);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') {
      out.push_back('\\');
    }
    out.push_back(static_cast<unsigned char>(character) < 0x20 ? '?' : character);
  }
  return out + "\"";
}

Json entity_json(const std::string& id, const KnownEntity& entity) {
  return {{"entity_id", id},
          {"entity", entity.entity},
          {"machine_id", entity.machine_id},
          {"labels", entity.labels}};
}

Json relation_json(const KnownRelation& relation) {
  return {{"from", std::get<0>(relation)},
          {"relation", std::get<1>(relation)},
          {"to", std::get<2>(relation)}};
}

Json state_json(const TopologyState& state) {
  Json entities = Json::array();
  for (const auto& [id, entity] : state.entities) {
    entities.push_back(entity_json(id, entity));
  }
  Json relations = Json::array();
  for (const KnownRelation& relation : state.relations) {
    relations.push_back(relation_json(relation));
  }
  return {{"entities", std::move(entities)}, {"relations", std::move(relations)}};
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What `more` has and `less` lacks.
TopologyState difference(const TopologyState& more, const TopologyState& less) {
  TopologyState out;
  for (const auto& [id, entity] : more.entities) {
    if (!less.entities.contains(id)) {
      out.entities.emplace(id, entity);
    }
  }
  std::ranges::set_difference(more.relations, less.relations,
                              std::inserter(out.relations, out.relations.end()));
  return out;
}

std::string marked(const TopologyState& state, char mark) {
  std::string out;
  for (const auto& [id, entity] : state.entities) {
    out += fmt::format("{} {}\n", mark, shown(state, id));
  }
  for (const auto& [from, kind, to] : state.relations) {
    out += fmt::format("{} {} {} {}\n", mark, from, kind, to);
  }
  return out;
}

}  // namespace

Result<std::string> find_entity(const TopologyState& state, const std::string& text) {
  if (state.entities.contains(text)) {
    return text;
  }
  std::vector<std::string> found;
  for (const auto& [id, entity] : state.entities) {
    // An id may stand without its machine.
    if (name_of(entity) == text || id == entity.machine_id + "_" + text) {
      found.push_back(id);
    }
  }
  // Parts carry the name of what they belong to (the functions and ports of a process): the whole
  // is meant.
  std::set<std::string> parts;
  for (const auto& [from, kind, to] : state.relations) {
    if (from != to && std::ranges::binary_search(found, from) &&
        std::ranges::binary_search(found, to)) {
      parts.insert(from);
    }
  }
  if (parts.size() < found.size()) {
    std::erase_if(found, [&](const std::string& id) { return parts.contains(id); });
  }
  if (found.size() == 1) {
    return found.front();
  }
  if (found.empty()) {
    return fail("no entity has the id or name \"" + text + "\" at that time");
  }
  std::string list;
  constexpr std::size_t most = 12;
  for (std::size_t i = 0; i < std::min(found.size(), most); ++i) {
    list += "\n  " + found[i];
  }
  return fail("several entities are called \"" + text + "\"; take one of these ids:" + list +
              (found.size() > most ? "\n  …" : ""));
}

std::string summary_text(const TopologyState& state) {
  std::map<std::string, std::size_t> entities;
  for (const auto& [id, entity] : state.entities) {
    ++entities[entity.entity];
  }
  const auto type_of = [&state](const std::string& id) {
    const auto found = state.entities.find(id);
    return found == state.entities.end() ? std::string("?") : found->second.entity;
  };
  std::map<std::string, std::size_t> relations;
  for (const auto& [from, kind, to] : state.relations) {
    ++relations[fmt::format("{} {} {}", type_of(from), kind, type_of(to))];
  }
  std::string out = fmt::format("{}  {} entities, {} relations\n", local_time(state.time_ms),
                                state.entities.size(), state.relations.size());
  for (const auto& [name, count] : entities) {
    out += fmt::format("  {:>7}  {}\n", count, name);
  }
  out += "\n";
  for (const auto& [name, count] : relations) {
    out += fmt::format("  {:>7}  {}\n", count, name);
  }
  return out;
}

std::string relations_text(const TopologyState& state) {
  std::string out = fmt::format("{}  {} entities, {} relations\n", local_time(state.time_ms),
                                state.entities.size(), state.relations.size());
  for (const auto& [from, kind, to] : state.relations) {
    out += fmt::format("  {} {} {}\n", shown(state, from), kind, shown(state, to));
  }
  return out;
}

std::string changes_text(const TopologyState& before, const TopologyState& after) {
  return fmt::format("{} to {}\n", local_time(before.time_ms), local_time(after.time_ms)) +
         marked(difference(before, after), '-') + marked(difference(after, before), '+');
}

std::string topology_json(const TopologyState& state) {
  Json json = {{"Timestamp", state.time_ms}};
  json.update(state_json(state));
  return dump(json);
}

std::string changes_json(const TopologyState& before, const TopologyState& after) {
  return dump({{"from", before.time_ms},
               {"to", after.time_ms},
               {"removed", state_json(difference(before, after))},
               {"added", state_json(difference(after, before))}}) +
         "\n";
}

std::string topology_dot(const TopologyState& state) {
  std::string out = "digraph topology {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const auto& [id, entity] : state.entities) {
    const std::string name = name_of(entity);
    out += fmt::format("  {} [label={}];\n", quoted(id),
                       quoted(name.empty() ? id : entity.entity + " " + name));
  }
  for (const auto& [from, kind, to] : state.relations) {
    out += fmt::format("  {} -> {} [label={}];\n", quoted(from), quoted(to), quoted(kind));
  }
  return out + "}\n";
}

}  // namespace gala
