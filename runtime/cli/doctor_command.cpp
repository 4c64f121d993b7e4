// gala doctor: looks at this host, tries the probes, asks a running pipeline.
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "runtime/bpf/probe.h"
#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/doctor.h"
#include "runtime/cli/probe_info.h"
#include "runtime/cli/process.h"
#include "runtime/cli/running.h"
#include "runtime/cli/status.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct DoctorOptions {
  std::string pipeline;
  bool json = false;
};

/// The nearest directory that exists already.
fs::path existing_parent(fs::path path) {
  std::error_code failed;
  while (!fs::exists(path, failed) && path.has_relative_path()) {
    path = path.parent_path();
  }
  return path;
}

void add_directories(const CommandContext& context, HostFacts& facts) {
  facts.state_directory = context.state_directory;
  facts.run_directory = context.run_directory;
  struct statvfs volume{};
  if (::statvfs(existing_parent(context.state_directory).c_str(), &volume) == 0) {
    facts.free_bytes = std::uint64_t{volume.f_bavail} * volume.f_frsize;
  }
  facts.run_directory_usable = ::access(existing_parent(context.run_directory).c_str(), W_OK) == 0;
}

/// Attaches each probe for a moment, to see which alternatives this kernel takes.
void try_probes(const CommandContext& context, HostFacts& facts) {
  facts.hooks.emplace();
  for (const ProbeInfo& info : load_probes(context.share_directory)) {
    const std::string base = context.share_directory + "/bpf/" + info.name;
    const auto probe = bpf::Probe::open(base + ".bpf.o", base + ".toml", {});
    if (!probe) {
      facts.probe_errors.push_back({Severity::lack, "probe " + info.name,
                                    "cannot be loaded: " + probe.error().what,
                                    "everything it measures is missing; see the reason above"});
      continue;
    }
    for (const bpf::Attachment& attachment : probe->attachments()) {
      facts.hooks->push_back(
          {info.name, attachment.hook, attachment.taken, attachment.refused, attachment.lost});
    }
  }
}

/// What the stages of a running pipeline complain of.
std::vector<Finding> ask_pipeline(const CommandContext& context, const std::string& wanted) {
  const auto pipeline = find_running(context.run_directory, name_pipeline(context, wanted).name);
  if (!pipeline) {
    return {{wanted.empty() ? Severity::fine : Severity::fatal, "pipeline", pipeline.error().what,
             wanted.empty() ? "" : "start it with gala run"}};
  }
  auto reader = StatusReader::open(*pipeline);
  if (!reader) {
    return {{Severity::lack, "pipeline " + pipeline->name, reader.error().what, "run as root"}};
  }
  reader->collect(2500ms, [&] { return reader->newest().size() == pipeline->stages.size(); });
  std::vector<Finding> findings;
  for (const std::string& stage : pipeline->stages) {
    const auto status = reader->newest().find(stage);
    const std::string subject = "stage " + stage;
    if (status == reader->newest().end()) {
      findings.push_back({Severity::lack, subject, "says nothing",
                          "look into its log below the state directory; gala run starts it"});
      continue;
    }
    if (status->second.complaints.empty()) {
      findings.push_back({Severity::fine, subject, "no complaints", ""});
    }
    for (const std::string& complaint : status->second.complaints) {
      findings.push_back({Severity::lack, subject, complaint, "gala top shows its losses"});
    }
  }
  return findings;
}

int examine(const CommandContext& context, const DoctorOptions& options) {
  HostFacts facts = read_host_facts("");
  facts.is_root = ::geteuid() == 0;
  facts.has_supervisord = find_program("supervisord", "supervisor").has_value();
  add_directories(context, facts);
  if (facts.is_root || facts.has_bpf_capability) {
    try_probes(context, facts);
  }
  std::vector<Finding> findings = diagnose_host(facts);
  for (Finding& finding : ask_pipeline(context, options.pipeline)) {
    findings.push_back(std::move(finding));
  }
  fmt::print("{}", options.json ? findings_json(findings) + "\n" : findings_text(findings));
  return any_fatal(findings) ? exit_failure : exit_ok;
}

}  // namespace

void add_doctor_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app,
      {.name = "doctor",
       .group = command_group::look,
       .about = "What this host lacks, what is lost by it, and what to do; exit 1 if nothing works",
       .examples = "  gala doctor\n"
                   "  gala doctor single-host\n"
                   "  gala doctor --json | jq '.[] | select(.severity != \"fine\")'\n"});
  DoctorOptions& options = context.keep<DoctorOptions>();
  add_pipeline(command, options.pipeline, PipelineArgument::positional,
               "the one to ask, too (default: the one that runs)");
  command.add_flag("--json", options.json, "The findings as one JSON array");
  context.on_run(command, [&context, &options] { return examine(context, options); });
}

}  // namespace gala
