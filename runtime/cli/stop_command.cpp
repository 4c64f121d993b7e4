// gala stop: ends a pipeline that `gala run` started.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/running.h"
#include "runtime/cli/supervised.h"
#include "runtime/cli/workspace.h"

namespace gala {
namespace {

struct StopOptions {
  std::string pipeline;
};

int stop(const CommandContext& context, const StopOptions& options) {
  const std::string name = name_pipeline(context, options.pipeline).name;
  // Its files stay where it has run, so what is not there is a wrong name, or another directory.
  std::error_code failed;
  if (!std::filesystem::exists(context.state_directory + "/" + name, failed) &&
      !std::filesystem::exists(context.run_directory + "/" + name, failed)) {
    const std::vector<std::string> running = running_names(context.run_directory);
    fmt::print(stderr, "gala stop: no pipeline {} has run below {}; {}\n", name,
               context.run_directory,
               running.empty() ? "nothing runs there"
                               : fmt::format("there are: {}", fmt::join(running, ", ")));
    return exit_bad_input;
  }
  if (const auto stopped = stop_supervised(context, name); !stopped) {
    fmt::print(stderr, "gala stop: {}\n", stopped.error().what);
    return exit_failure;
  }
  fmt::print("{} does not run any more\n", name);
  return exit_ok;
}

}  // namespace

void add_stop_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(app, {.name = "stop",
                                        .group = command_group::run,
                                        .about = "Stop a pipeline that `gala run` started",
                                        .examples = "  gala stop single-host\n"
                                                    "  gala stop pipelines/single-host.toml\n"});
  StopOptions& options = context.keep<StopOptions>();
  add_pipeline(command, options.pipeline, PipelineArgument::positional, "the one to stop")
      ->required();
  context.on_run(command, [&context, &options] { return stop(context, options); });
}

}  // namespace gala
