// Facts → findings, and how they are shown.
#include "runtime/cli/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>

namespace gala {
namespace {

constexpr KernelVersion oldest_kernel{5, 10};
constexpr std::uint64_t least_free_bytes = std::uint64_t{512} << 20;

class Judge {
 public:
  explicit Judge(const HostFacts& facts) : facts_(facts) {}

  std::vector<Finding> judge() {
    judge_kernel();
    judge_privileges();
    judge_probes();
    judge_host();
    judge_directories();
    return std::move(findings_);
  }

 private:
  void add(Severity severity, std::string subject, std::string text, std::string remedy = "") {
    findings_.push_back({severity, std::move(subject), std::move(text), std::move(remedy)});
  }

  void judge_kernel() {
    const KernelVersion version = parse_kernel_version(facts_.kernel);
    const bool old =
        std::tie(version.major, version.minor) < std::tie(oldest_kernel.major, oldest_kernel.minor);
    add(old ? Severity::fatal : Severity::fine, "kernel", facts_.kernel,
        old ? "kernels from 5.10 on are supported: update it" : "");
    add(facts_.has_btf ? Severity::fine : Severity::fatal, "BTF",
        facts_.has_btf ? "/sys/kernel/btf/vmlinux is there"
                       : "the kernel does not describe its types; no probe can be loaded",
        facts_.has_btf ? "" : "use a kernel with CONFIG_DEBUG_INFO_BTF=y (Debian's have it)");
    if (facts_.lockdown == "confidentiality") {
      add(Severity::fatal, "lockdown", "the kernel is locked down: probes may not read its memory",
          "boot with lockdown=integrity or none");
    }
  }

  void judge_privileges() {
    const bool able = facts_.is_root || facts_.has_bpf_capability;
    add(able ? Severity::fine : Severity::fatal, "privileges",
        able ? "may load BPF programs" : "this user may not load BPF programs",
        able ? "" : "run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
  }

  void judge_probes() {
    for (const Finding& error : facts_.probe_errors) {
      findings_.push_back(error);
    }
    if (!facts_.hooks) {
      add(Severity::lack, "probes", "not tried", "run gala doctor as root to see what attaches");
      return;
    }
    for (const HookFact& hook : *facts_.hooks) {
      const bool attached = !hook.taken.empty();
      std::string text = attached ? fmt::format("{}: {}", hook.hook, hook.taken)
                                  : fmt::format("{}: not attached; lost: {}", hook.hook, hook.lost);
      for (const std::string& reason : hook.refused) {
        text += "\n" + reason;
      }
      add(attached ? Severity::fine : Severity::lack, "probe " + hook.probe, std::move(text),
          attached ? "" : "a newer kernel, or one with the hooks above");
    }
  }

  void judge_host() {
    const bool any = facts_.has_cgroup_v1 || facts_.has_cgroup_v2;
    const char* kind =
        facts_.has_cgroup_v1 ? (facts_.has_cgroup_v2 ? "hybrid (v1 and v2)" : "v1") : "v2";
    add(any ? Severity::fine : Severity::lack, "cgroups",
        any ? kind : "not mounted; containers are not told apart",
        any ? "" : "mount -t cgroup2 none /sys/fs/cgroup");
    add(facts_.has_pressure ? Severity::fine : Severity::lack, "pressure",
        facts_.has_pressure ? "PSI is on" : "no PSI: stalls for CPU, memory and I/O are not seen",
        facts_.has_pressure ? "" : "boot with psi=1");
    add(facts_.has_supervisord ? Severity::fine : Severity::lack, "supervisord",
        facts_.has_supervisord ? "is installed" : "is not installed; gala run needs it",
        facts_.has_supervisord ? "" : "apt-get install supervisor");
  }

  void judge_directories() {
    const bool tight = facts_.free_bytes < least_free_bytes;
    add(tight ? Severity::lack : Severity::fine, "disk",
        fmt::format("{} MB free for {}", facts_.free_bytes >> 20, facts_.state_directory),
        tight ? "free some, or give another --state-dir: journals stop growing on a full disk"
              : "");
    add(facts_.run_directory_usable ? Severity::fine : Severity::fatal, "run directory",
        facts_.run_directory + (facts_.run_directory_usable ? "" : " cannot be written"),
        facts_.run_directory_usable ? "" : "run as root, or give another --run-dir");
  }

  const HostFacts& facts_;
  std::vector<Finding> findings_;
};

const char* mark_of(Severity severity) {
  switch (severity) {
    case Severity::fine:
      return "ok  ";
    case Severity::lack:
      return "LACK";
    case Severity::fatal:
      return "FAIL";
  }
  return "";
}

/// Lines after the first stand below the text, not at the margin.
std::string indented(const std::string& text) {
  std::string out;
  for (const char character : text) {
    out += character;
    if (character == '\n') {
      out += "          ";
    }
  }
  return out;
}

}  // namespace

KernelVersion parse_kernel_version(const std::string& release) {
  KernelVersion version;
  // NOLINTNEXTLINE(cert-err34-c): what is not matched stays zero, which is an unsupported version.
  std::sscanf(release.c_str(), "%d.%d", &version.major, &version.minor);
  return version;
}

std::vector<Finding> diagnose_host(const HostFacts& facts) { return Judge(facts).judge(); }

bool any_fatal(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::fatal; });
}

std::string findings_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{}  {}: {}\n", mark_of(finding.severity), finding.subject,
                        indented(finding.text));
    if (!finding.remedy.empty()) {
      text += "      → " + finding.remedy + "\n";
    }
  }
  return text;
}

std::string findings_json(const std::vector<Finding>& findings) {
  auto json = nlohmann::json::array();
  for (const Finding& finding : findings) {
    const char* severity = finding.severity == Severity::fine   ? "fine"
                           : finding.severity == Severity::lack ? "lack"
                                                                : "fatal";
    json.push_back({{"severity", severity},
                    {"subject", finding.subject},
                    {"text", finding.text},
                    {"remedy", finding.remedy}});
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace gala
