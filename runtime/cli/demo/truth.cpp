// TOML → ways of naming a fault.
#include "runtime/cli/demo/truth.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "runtime/core/document.h"
#include "runtime/core/read_file.h"
#include "runtime/core/section.h"

namespace gala::demo {
namespace {

std::pair<std::string, std::string> split_metric(const std::string& name) {
  const std::size_t dot = name.find('.');
  return dot == std::string::npos ? std::pair{name, std::string()}
                                  : std::pair{name.substr(0, dot), name.substr(dot + 1)};
}

TruthEntry read_entry(const Value& section, const std::string& fault, Diagnostics& diagnostics) {
  SectionReader reader(section, "an answer to " + quote(fault), diagnostics);
  TruthEntry entry;
  std::vector<std::string> names;
  reader.read("of", names);
  for (const std::string& name : names) {
    entry.of.push_back(split_metric(name));
    if (entry.of.back().second.empty()) {
      reader.error_at("of", quote(name) + " is no metric; write entity.metric");
    }
  }
  if (names.empty()) {
    reader.error_at("of", "an answer names at least one metric: of = [\"entity.metric\"]");
  }
  reader.read_pairs("where", entry.where);
  reader.read("keyword", entry.keyword);
  std::string why;
  reader.require("why", why);
  reader.finish();
  return entry;
}

Truth read_truth(const Member& member, Diagnostics& diagnostics) {
  SectionReader reader(member.value, "fault " + quote(member.key), diagnostics);
  Truth truth;
  truth.name = member.key;
  reader.read("demo", truth.demo);
  for (const auto& [key, entries] :
       {std::pair{"right", &truth.right}, std::pair{"half", &truth.half}}) {
    const Value* list = reader.find(key);
    if (list == nullptr) {
      continue;
    }
    if (list->array() == nullptr) {
      reader.error_at(
          key, quote(key) + " is no list of answers; write [[" + member.key + "." + key + "]]");
      continue;
    }
    for (const Value& section : *list->array()) {
      entries->push_back(read_entry(section, truth.name, diagnostics));
    }
  }
  const Value* right = reader.find("right");
  if (truth.right.empty() && (right == nullptr || right->array() != nullptr)) {
    reader.error_at("right", "no answer is right; write [[" + member.key + ".right]]");
  }
  reader.finish();
  return truth;
}

Result<std::vector<SourceText>> read_directory(const std::string& directory) {
  std::vector<SourceText> files;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(directory, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (entry->path().extension() == ".toml") {
      const std::string path = entry->path().string();
      files.push_back({path, TRY(read_file(path))});
    }
  }
  if (failed || files.empty()) {
    return fail(directory + ": no truth of any fault is there; build the target gala_truth");
  }
  return files;
}

}  // namespace

Result<> Truth::check(const Injected& injected) const {
  std::set<std::string> missing{"machine"};
  for (const auto* entries : {&right, &half}) {
    for (const TruthEntry& entry : *entries) {
      for (const auto& [key, role] : entry.where) {
        missing.insert(role);
      }
    }
  }
  std::erase_if(missing, [&](const std::string& role) {
    const auto found = injected.find(role);
    return role.starts_with('=') || (found != injected.end() && !found->second.empty());
  });
  if (missing.empty()) {
    return {};
  }
  return fail(
      fmt::format("{}: the injector does not say which {} it harmed, and schemas/truth asks "
                  "for it",
                  name, fmt::join(missing, ", ")));
}

TruthTable TruthTable::parse(std::span<const SourceText> files, Diagnostics& diagnostics) {
  TruthTable table;
  for (const SourceText& file : files) {
    const auto document = parse_toml(file, diagnostics);
    if (!document) {
      continue;
    }
    for (const Member& member : *document->table()) {
      if (table.find(member.key) != nullptr) {
        diagnostics.error(member.key_place, "fault " + quote(member.key) + " has a truth already");
      }
      table.truths_.push_back(read_truth(member, diagnostics));
    }
  }
  return table;
}

Result<TruthTable> TruthTable::load(const std::string& directory) {
  const std::vector<SourceText> files = TRY(read_directory(directory));
  Diagnostics diagnostics;
  TruthTable table = parse(files, diagnostics);
  if (diagnostics.has_errors()) {
    return fail(diagnostics.render(files));
  }
  return table;
}

const Truth* TruthTable::find(std::string_view name) const {
  const auto found = std::find_if(truths_.begin(), truths_.end(),
                                  [&](const Truth& truth) { return truth.name == name; });
  return found == truths_.end() ? nullptr : &*found;
}

const Truth* TruthTable::find_demo(std::string_view fault) const {
  const auto found = std::find_if(truths_.begin(), truths_.end(), [&](const Truth& truth) {
    return !truth.demo.empty() && truth.demo == fault;
  });
  return found == truths_.end() ? nullptr : &*found;
}

}  // namespace gala::demo
