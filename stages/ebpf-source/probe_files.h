// The installed probes, and what a pipeline may say about them: names and tunables.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/bpf/description.h"
#include "runtime/core/diagnostics.h"
#include "runtime/core/document.h"
#include "runtime/core/result.h"

namespace gala::ebpf_source {

/// The two files of a probe below the share directory.
struct ProbeFiles {
  std::string object;
  std::string description;
};
ProbeFiles probe_files(const std::string& share_directory, const std::string& probe);

/// Names of the probes whose two files are there, sorted.
std::vector<std::string> installed_probes(const std::string& share_directory);

/// Tunables by probe and name, whole numbers.
using Tunables = std::map<std::string, std::map<std::string, std::int64_t>, std::less<>>;

/// Splits "probe.tunable" keys; those without a dot are left out.
Tunables split_tunables(const std::map<std::string, double>& given);

/// What a section says of probes.
struct ProbeChoice {
  const std::vector<std::string>& probes;
  const std::map<std::string, double>& tunables;
};

/// Descriptions of probes by name.
using ProbeDescriptions = std::map<std::string, bpf::Description, std::less<>>;

/// Reports unknown, repeated and missing probes, and tunables that no chosen probe has or that are
/// out of range, each at its place in `section`. `known` are the installed probes.
void check_choice(const ProbeChoice& choice, const ProbeDescriptions& known, const Value& section,
                  Diagnostics& diagnostics);

}  // namespace gala::ebpf_source
