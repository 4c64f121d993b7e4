// Runs stage programs with --describe and --check and reads their JSON.
#include "runtime/cli/stage_programs.h"

#include <chrono>
#include <filesystem>
#include <system_error>

#include "runtime/cli/process.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

/// Both only read files; longer than this is a hang.
constexpr Duration answer_limit = 20s;

/// The last line of `output` that begins with `opening`: the JSON, whatever was logged around it.
std::string_view json_line(std::string_view output, char opening) {
  std::string_view found;
  while (!output.empty()) {
    const auto end = output.find('\n');
    const std::string_view line = output.substr(0, end);
    if (line.starts_with(opening)) {
      found = line;
    }
    output.remove_prefix(end == std::string_view::npos ? output.size() : end + 1);
  }
  return found;
}

}  // namespace

Result<StageDescriptionFile> describe_program(const CommandContext& context,
                                              const std::string& name) {
  const std::string program = context.program_directory + "/gala-" + name;
  const std::vector<std::string> arguments{program, "--describe", "json", "--share-dir",
                                           context.share_directory};
  const Finished finished = TRY(run_program(arguments, answer_limit));
  auto stage = parse_description(json_line(finished.output, '{'));
  if (!stage) {
    return tl::unexpected(std::move(stage).error().in(program + " --describe json"));
  }
  return stage;
}

Result<std::vector<Diagnostic>> check_program(const CommandContext& context,
                                              const std::string& pipeline_file,
                                              const StageNode& node) {
  const std::string program = context.program_directory + "/gala-" + node.run;
  std::error_code failed;
  if (node.run.find('/') != std::string::npos || !std::filesystem::exists(program, failed)) {
    return std::vector<Diagnostic>{};
  }
  const std::vector<std::string> arguments{program,       "--check",
                                           "--pipeline",  pipeline_file,
                                           "--stage",     node.name,
                                           "--run-dir",   context.run_directory,
                                           "--state-dir", context.state_directory,
                                           "--share-dir", context.share_directory};
  const Finished finished = TRY(run_program(arguments, answer_limit));
  auto findings = parse_diagnostics(json_line(finished.output, '['));
  if (!findings) {
    return fail(program + " did not check its section (exit code " +
                std::to_string(finished.exit_code) + "); is it of the same release as gala?");
  }
  return findings;
}

}  // namespace gala
