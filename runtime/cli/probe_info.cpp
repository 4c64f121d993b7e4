// Reads the descriptions of installed probes.
#include "runtime/cli/probe_info.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "runtime/cli/workspace.h"
#include "runtime/core/document.h"
#include "runtime/core/read_file.h"

namespace gala {
namespace {

std::string text_of(const Value& table, std::string_view key) {
  const Value* value = table.find(key);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string{};
}

std::vector<std::string> texts_of(const Value& table, std::string_view key) {
  std::vector<std::string> texts;
  const Value* value = table.find(key);
  if (value == nullptr || value->array() == nullptr) {
    return texts;
  }
  for (const Value& one : *value->array()) {
    if (one.string() != nullptr) {
      texts.push_back(*one.string());
    }
  }
  return texts;
}

std::vector<std::pair<std::string, std::string>> pairs_of(const Value& table,
                                                          std::string_view key) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const Value* value = table.find(key);
  if (value == nullptr || value->table() == nullptr) {
    return pairs;
  }
  for (const Member& one : *value->table()) {
    if (one.value.string() != nullptr) {
      pairs.emplace_back(one.key, *one.value.string());
    }
  }
  return pairs;
}

ProbeInfo probe_of(std::string name, const Value& document) {
  ProbeInfo probe;
  probe.name = std::move(name);
  probe.about = text_of(document, "about");
  probe.cost = text_of(document, "cost");
  if (const Value* tables = document.find("tables");
      tables != nullptr && tables->table() != nullptr) {
    for (const Member& table : *tables->table()) {
      probe.tables.push_back(
          {table.key, text_of(table.value, "about"), pairs_of(table.value, "teaches")});
    }
  }
  if (const Value* hooks = document.find("hooks"); hooks != nullptr && hooks->array() != nullptr) {
    for (const Value& hook : *hooks->array()) {
      probe.hooks.push_back(
          {text_of(hook, "about"), text_of(hook, "lost"), texts_of(hook, "alternatives")});
    }
  }
  return probe;
}

}  // namespace

std::vector<ProbeInfo> load_probes(const std::string& share_directory) {
  std::vector<ProbeInfo> probes;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(share_directory + "/bpf", failed), end;
       !failed && entry != end; entry.increment(failed)) {
    if (entry->path().extension() != ".toml") {
      continue;
    }
    auto text = read_file(entry->path().string());
    Diagnostics ignored;
    if (!text) {
      continue;
    }
    if (const auto document = parse_toml({entry->path().string(), *text}, ignored)) {
      probes.push_back(probe_of(entry->path().stem().string(), *document));
    }
  }
  std::ranges::sort(probes, {}, &ProbeInfo::name);
  return probes;
}

}  // namespace gala
