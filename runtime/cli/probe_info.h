// What a probe's folder says about it: probe.toml as people read it. The loader has its own reader.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/core/result.h"

namespace gala {

struct ProbeHook {
  std::string about;
  /// What is missing when none of the alternatives can be attached.
  std::string lost;
  /// BPF programs in order of preference.
  std::vector<std::string> alternatives;
};

struct ProbeTable {
  std::string name;
  std::string about;
  /// Facts that its columns teach, each with its column.
  std::vector<std::pair<std::string, std::string>> teaches;
};

struct ProbeInfo {
  std::string name;
  std::string about;
  std::string cost;
  std::vector<ProbeTable> tables;
  std::vector<ProbeHook> hooks;
};

/// Every `<share_directory>/bpf/*.toml`, by name. A file that cannot be read is left out: `gala
/// check` reports it through the stage that loads it.
std::vector<ProbeInfo> load_probes(const std::string& share_directory);

}  // namespace gala
