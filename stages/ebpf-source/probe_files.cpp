// The installed probes, and what a pipeline may say about them.
#include "stages/ebpf-source/probe_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

namespace gala::ebpf_source {
namespace {

constexpr std::string_view object_suffix = ".bpf.o";

std::vector<std::string> keys_of(const ProbeDescriptions& known) {
  std::vector<std::string> names;
  for (const auto& [name, description] : known) {
    names.push_back(name);
  }
  return names;
}

/// Place of the entry `index` of the list `key`, or of the section.
Place place_in_list(const Value& section, std::string_view key, std::size_t index) {
  const Value* list = section.find(key);
  const bool placed = list != nullptr && list->array() != nullptr && index < list->array()->size();
  return placed ? (*list->array())[index].place() : section.place();
}

Place place_in_table(const Value& section, std::string_view key, std::string_view name) {
  const Value* table = section.find(key);
  const Member* member = table == nullptr ? nullptr : table->find_member(name);
  return member == nullptr ? section.place() : member->key_place;
}

/// What is wrong with a tunable, "" when nothing.
std::string fault_of(const std::string& key, double value, const ProbeChoice& choice,
                     const ProbeDescriptions& known) {
  const auto dot = key.find('.');
  if (dot == std::string::npos) {
    return fmt::format("a tunable is written \"probe.name\", not \"{}\"", key);
  }
  const std::string probe = key.substr(0, dot);
  const std::string name = key.substr(dot + 1);
  const auto& chosen = choice.probes;
  const auto description = known.find(probe);
  if (description == known.end() ||
      std::find(chosen.begin(), chosen.end(), probe) == chosen.end()) {
    return fmt::format("\"{}\" is not among the probes of this stage{}", probe,
                       did_you_mean(probe, chosen));
  }
  const bpf::TunableDescription* tunable = description->second.find_tunable(name);
  if (tunable == nullptr) {
    std::vector<std::string> names;
    for (const auto& one : description->second.tunables) {
      names.push_back(one.name);
    }
    return fmt::format("probe {} has no tunable \"{}\"{}", probe, name, did_you_mean(name, names));
  }
  if (std::trunc(value) != value || value < static_cast<double>(tunable->minimum) ||
      value > static_cast<double>(tunable->maximum)) {
    return fmt::format("{} is {}; it must be a whole number from {} to {}", key, value,
                       tunable->minimum, tunable->maximum);
  }
  return {};
}

}  // namespace

ProbeFiles probe_files(const std::string& share_directory, const std::string& probe) {
  const std::string base = share_directory + "/bpf/" + probe;
  return {.object = base + std::string(object_suffix), .description = base + ".toml"};
}

std::vector<std::string> installed_probes(const std::string& share_directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(share_directory + "/bpf", failed)) {
    const std::string file = entry.path().filename();
    if (!file.ends_with(object_suffix)) {
      continue;
    }
    std::string name = file.substr(0, file.size() - object_suffix.size());
    if (std::filesystem::exists(probe_files(share_directory, name).description, failed)) {
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Tunables split_tunables(const std::map<std::string, double>& given) {
  Tunables tunables;
  for (const auto& [key, value] : given) {
    if (const auto dot = key.find('.'); dot != std::string::npos) {
      tunables[key.substr(0, dot)][key.substr(dot + 1)] = static_cast<std::int64_t>(value);
    }
  }
  return tunables;
}

void check_choice(const ProbeChoice& choice, const ProbeDescriptions& known, const Value& section,
                  Diagnostics& diagnostics) {
  if (choice.probes.empty()) {
    diagnostics.error(section.place(),
                      "no probes; name some, for instance probes = [\"tcp_link\"]");
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < choice.probes.size(); ++i) {
    const std::string& probe = choice.probes[i];
    if (!known.contains(probe)) {
      diagnostics.error(
          place_in_list(section, "probes", i),
          fmt::format("unknown probe \"{}\"{}", probe, did_you_mean(probe, keys_of(known))));
    } else if (!seen.insert(probe).second) {
      diagnostics.error(place_in_list(section, "probes", i),
                        fmt::format("probe \"{}\" is named twice; remove one", probe));
    }
  }
  for (const auto& [key, value] : choice.tunables) {
    if (const std::string fault = fault_of(key, value, choice, known); !fault.empty()) {
      diagnostics.error(place_in_table(section, "tunables", key), fault);
    }
  }
}

}  // namespace gala::ebpf_source
