// Facts about a host from the files of /proc and /sys, below a root that tests replace.
#include <fstream>
#include <string>

#include "runtime/cli/doctor.h"

namespace gala {
namespace {

constexpr int capability_bpf = 39;
constexpr int capability_perfmon = 38;

bool can_read(const std::string& path) { return std::ifstream(path).good(); }

std::string first_line(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

/// The effective capabilities of this process; 0 when unknown.
std::uint64_t effective_capabilities(const std::string& root) {
  std::ifstream file(root + "/proc/self/status");
  for (std::string word; file >> word;) {
    if (word == "CapEff:") {
      std::uint64_t bits = 0;
      file >> std::hex >> bits;
      return bits;
    }
  }
  return 0;
}

void read_cgroup_kinds(const std::string& root, HostFacts& facts) {
  std::ifstream mounts(root + "/proc/self/mounts");
  std::string device;
  std::string directory;
  std::string kind;
  std::string rest;
  while (mounts >> device >> directory >> kind && std::getline(mounts, rest)) {
    facts.has_cgroup_v1 = facts.has_cgroup_v1 || kind == "cgroup";
    facts.has_cgroup_v2 = facts.has_cgroup_v2 || kind == "cgroup2";
  }
}

/// "none [integrity] confidentiality" → "integrity".
std::string chosen_word(const std::string& line) {
  const std::size_t open = line.find('[');
  const std::size_t close = line.find(']');
  return open == std::string::npos || close < open ? "" : line.substr(open + 1, close - open - 1);
}

}  // namespace

HostFacts read_host_facts(const std::string& root) {
  HostFacts facts;
  facts.kernel = first_line(root + "/proc/sys/kernel/osrelease");
  facts.has_btf = can_read(root + "/sys/kernel/btf/vmlinux");
  facts.lockdown = chosen_word(first_line(root + "/sys/kernel/security/lockdown"));
  const std::uint64_t needed =
      (std::uint64_t{1} << capability_bpf) | (std::uint64_t{1} << capability_perfmon);
  facts.has_bpf_capability = (effective_capabilities(root) & needed) == needed;
  // The file can be opened but not read where PSI is compiled in and switched off.
  facts.has_pressure = !first_line(root + "/proc/pressure/cpu").empty();
  read_cgroup_kinds(root, facts);
  return facts;
}

}  // namespace gala
