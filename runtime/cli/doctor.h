// `gala doctor`: what this host lacks, what is lost by it, and what to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gala {

enum class Severity : std::uint8_t { fine, lack, fatal };

/// One thing that was looked at.
struct Finding {
  Severity severity = Severity::fine;
  std::string subject;
  std::string text;
  /// "" when there is nothing to do.
  std::string remedy;
};

/// One hook of a probe, as it was attached to this kernel.
struct HookFact {
  std::string probe;
  std::string hook;
  /// "" = no alternative could be attached.
  std::string taken;
  std::vector<std::string> refused;
  std::string lost;
};

/// What was found out about the host. Gathered in doctor_command.cpp and host_facts.cpp, judged
/// here.
struct HostFacts {
  /// uname -r.
  std::string kernel;
  bool has_btf = false;
  bool is_root = false;
  bool has_bpf_capability = false;
  /// "none", "integrity", "confidentiality"; "" = not built in.
  std::string lockdown;
  bool has_cgroup_v1 = false;
  bool has_cgroup_v2 = false;
  bool has_pressure = false;
  bool has_supervisord = false;
  std::string state_directory;
  /// Free bytes where the state directory is or would be.
  std::uint64_t free_bytes = 0;
  std::string run_directory;
  bool run_directory_usable = false;
  /// Hooks of all probes; nothing when they were not tried.
  std::optional<std::vector<HookFact>> hooks;
  /// Probes that could not be loaded at all, with the reason.
  std::vector<Finding> probe_errors;
};

/// Judges the facts; in a fixed order.
std::vector<Finding> diagnose_host(const HostFacts& facts);

/// Whether something without which nothing works is missing.
bool any_fatal(const std::vector<Finding>& findings);

std::string findings_text(const std::vector<Finding>& findings);
std::string findings_json(const std::vector<Finding>& findings);

/// Major and minor number at the beginning of "6.1.0-18-cloud-amd64".
struct KernelVersion {
  int major = 0;
  int minor = 0;
};
KernelVersion parse_kernel_version(const std::string& release);

/// Facts below `root` ("" = this host): files of /proc and /sys only.
HostFacts read_host_facts(const std::string& root);

}  // namespace gala
