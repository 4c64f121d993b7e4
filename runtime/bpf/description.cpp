// What a probe.toml says.
#include "runtime/bpf/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/core/read_file.h"
#include "runtime/core/section.h"

namespace gala::bpf {
namespace {

/// `[tables.x]`, `[tunables.x]`: calls `read(member)` for each x.
template <class Read>
void for_each_section(SectionReader& reader, std::string_view key, Read read) {
  const Value* section = reader.find(key);
  if (section == nullptr) {
    return;
  }
  if (section->table() == nullptr) {
    reader.error_at(key, fmt::format("\"{}\" holds named tables: [{}.name]", key, key));
    return;
  }
  for (const Member& member : *section->table()) {
    read(member);
  }
}

std::vector<std::string> read_words(const Value& list, Diagnostics& diagnostics) {
  std::vector<std::string> words;
  const Value::Array* items = list.array();
  if (items == nullptr) {
    diagnostics.error(list.place(), "a list of names is expected");
    return words;
  }
  for (const Value& item : *items) {
    if (item.string() == nullptr) {
      diagnostics.error(item.place(), "a name in quotes is expected");
    } else {
      words.push_back(*item.string());
    }
  }
  return words;
}

std::vector<TaughtFact> read_teachings(const Value& section, Diagnostics& diagnostics) {
  std::vector<TaughtFact> taught;
  if (section.table() == nullptr) {
    diagnostics.error(
        section.place(),
        "\"teaches\" says which columns hold which facts: { process_end = \"at_ns\" }");
    return taught;
  }
  for (const auto& [word, word_place, column] : *section.table()) {
    const std::optional<Fact> fact = parse_fact(word);
    if (!fact) {
      diagnostics.error(word_place, unknown_fact(word));
    } else if (column.string() == nullptr) {
      diagnostics.error(column.place(), "the name of a column in quotes is expected");
    } else {
      taught.push_back({*fact, *column.string(), word_place, column.place()});
    }
  }
  return taught;
}

TableDescription read_table(const Member& member, Diagnostics& diagnostics) {
  constexpr std::array kinds{Word<TableKind>{"iter", TableKind::iterator},
                             Word<TableKind>{"map", TableKind::map},
                             Word<TableKind>{"ring", TableKind::ring}};
  TableDescription table;
  table.name = member.key;
  SectionReader reader(member.value, "table " + quote(member.key), diagnostics);
  reader.require("about", table.about);
  if (reader.find("kind") == nullptr) {
    reader.error_at("kind", reader.what() + " needs a kind: iter, map or ring");
  } else if (reader.read_word("kind", std::span<const Word<TableKind>>{kinds}, table.kind)) {
    if (table.kind == TableKind::iterator) {
      reader.require("program", table.program);
    } else {
      reader.require("map", table.map);
    }
    if (table.kind != TableKind::map) {
      reader.require("row", table.row);
    } else {
      reader.read("refresh", table.refresh);
      reader.read("over", table.over);
      if (const Value* before = reader.find("before")) {
        table.before = read_words(*before, diagnostics);
      }
      if (!table.over.empty() && table.refresh.empty()) {
        reader.error_at("over", "\"over\" belongs to a refreshing program, and there is none");
      }
      if (!table.before.empty() && table.refresh.empty()) {
        reader.error_at("before", "\"before\" belongs to a refreshing program, and there is none");
      }
    }
  }
  if (const Value* teaches = reader.find("teaches")) {
    table.teaches = read_teachings(*teaches, diagnostics);
  }
  reader.finish();
  return table;
}

HookDescription read_hook(const Value& value, Diagnostics& diagnostics) {
  HookDescription hook;
  SectionReader reader(value, "hook", diagnostics);
  reader.require("about", hook.about);
  reader.require("lost", hook.lost);
  reader.read("unless", hook.unless);
  reader.read("on_demand", hook.on_demand);
  const Value* alternatives = reader.find("alternatives");
  if (alternatives == nullptr || alternatives->array() == nullptr ||
      alternatives->array()->empty()) {
    reader.error_at("alternatives", "a hook needs a list of programs, the best one first");
    reader.finish();
    return hook;
  }
  for (const Value& item : *alternatives->array()) {
    if (item.string() != nullptr) {
      hook.alternatives.push_back({*item.string()});
    } else {
      hook.alternatives.push_back(read_words(item, diagnostics));
    }
  }
  reader.finish();
  return hook;
}

TunableDescription read_tunable(const Member& member, Diagnostics& diagnostics) {
  TunableDescription tunable;
  tunable.name = member.key;
  SectionReader reader(member.value, "tunable " + quote(member.key), diagnostics);
  reader.require("about", tunable.about);
  reader.read("default", tunable.initial);
  reader.read("min", tunable.minimum);
  reader.read("max", tunable.maximum);
  if (tunable.initial < tunable.minimum || tunable.initial > tunable.maximum) {
    reader.error_at("default", fmt::format("{} is not between min and max", tunable.initial));
  }
  reader.finish();
  return tunable;
}

Description read_root(const Value& root, Diagnostics& diagnostics) {
  Description description;
  SectionReader reader(root, "probe", diagnostics);
  reader.require("about", description.about);
  reader.require("cost", description.cost);
  if (const Value* seeds = reader.find("seeds")) {
    description.seeds = read_words(*seeds, diagnostics);
  }
  if (const Value* functions = reader.find("functions")) {
    description.functions = read_words(*functions, diagnostics);
  }
  for_each_section(reader, "tables", [&](const Member& member) {
    description.tables.push_back(read_table(member, diagnostics));
  });
  for_each_section(reader, "tunables", [&](const Member& member) {
    description.tunables.push_back(read_tunable(member, diagnostics));
  });
  if (const Value* hooks = reader.find("hooks")) {
    if (hooks->array() == nullptr) {
      reader.error_at("hooks", "hooks are written [[hooks]]");
    } else {
      for (const Value& hook : *hooks->array()) {
        description.hooks.push_back(read_hook(hook, diagnostics));
      }
    }
  }
  if (description.tables.empty()) {
    reader.error_at("tables", "a probe needs at least one [tables.name]");
  }
  reader.finish();
  return description;
}

template <class Item>
const Item* find_named(const std::vector<Item>& items, std::string_view name) {
  const auto found = std::ranges::find(items, name, &Item::name);
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

const TableDescription* Description::find_table(std::string_view name) const {
  return find_named(tables, name);
}

const TunableDescription* Description::find_tunable(std::string_view name) const {
  return find_named(tunables, name);
}

Result<Description> parse_description(std::string file, std::string text) {
  const SourceText source{std::move(file), std::move(text)};
  Diagnostics diagnostics;
  Description description;
  if (const std::optional<Value> root = parse_toml(source, diagnostics)) {
    description = read_root(*root, diagnostics);
  }
  if (diagnostics.has_errors()) {
    return fail(diagnostics.render(std::span{&source, 1}));
  }
  return description;
}

Result<Description> read_description(const std::string& path) {
  return parse_description(path, TRY(read_file(path)));
}

}  // namespace gala::bpf
