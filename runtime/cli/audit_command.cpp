// gala audit: do the books of all edges balance?
#include <fmt/format.h>

#include <algorithm>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/process.h"
#include "runtime/cli/reconcile.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

struct AuditOptions {
  std::string pipeline;
  bool json = false;
};

/// Statuses of all stages, each newer than `after_ns`, or what came in time.
Statuses fresh_statuses(StatusReader& reader, std::size_t stages, std::uint64_t after_ns) {
  reader.collect(4s, [&] {
    std::size_t fresh = 0;
    for (const auto& [stage, status] : reader.newest()) {
      fresh += status.time_ns > after_ns ? 1 : 0;
    }
    return fresh == stages;
  });
  Statuses fresh;
  for (const auto& [stage, status] : reader.newest()) {
    if (status.time_ns > after_ns) {
      fresh.emplace(stage, status);
    }
  }
  return fresh;
}

int audit(const CommandContext& context, const AuditOptions& options) {
  const auto pipeline =
      find_running(context.run_directory, name_pipeline(context, options.pipeline).name);
  if (!pipeline) {
    fmt::print(stderr, "gala audit: {}\n", pipeline.error().what);
    return exit_failure;
  }
  const Interrupt interrupt;
  auto reader = StatusReader::open(*pipeline);
  if (!reader) {
    fmt::print(stderr, "gala audit: {}\n", reader.error().what);
    return exit_failure;
  }
  const std::size_t stages = pipeline->stages.size();
  const Statuses earlier = fresh_statuses(*reader, stages, current_instant().boot.ns());
  // Long enough for what was on its way to arrive.
  reader->collect(2s);
  const Statuses now = fresh_statuses(*reader, stages, current_instant().boot.ns());
  Audit result = reconcile(earlier, now);
  for (const std::string& stage : pipeline->stages) {
    if (!now.contains(stage) &&
        std::find(result.silent.begin(), result.silent.end(), stage) == result.silent.end()) {
      result.silent.push_back(stage);
    }
  }
  fmt::print("{}", options.json ? audit_json(result) + "\n" : audit_text(result));
  return result.balanced() ? exit_ok : exit_failure;
}

}  // namespace

void add_audit_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app,
      {.name = "audit",
       .group = command_group::look,
       .about = "Check that every message sent was received or is counted as lost; exit 1 if not",
       .examples = "  gala audit\n"
                   "  gala audit single-host --json\n"});
  AuditOptions& options = context.keep<AuditOptions>();
  add_pipeline(command, options.pipeline, PipelineArgument::positional,
               "the one to look at, when several run");
  command.add_flag("--json", options.json, "The whole account as one JSON object");
  context.on_run(command, [&context, &options] { return audit(context, options); });
}

}  // namespace gala
