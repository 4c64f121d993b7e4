// gala run: starts a pipeline under supervisord, shows how it comes up, says how to look at it.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/process.h"
#include "runtime/cli/supervised.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

struct RunOptions {
  std::string pipeline;
  bool detach = false;
};

void print_help(const CommandContext& context, const std::string& name) {
  std::string directories;
  if (context.run_directory != CommandContext{}.run_directory) {
    directories += " --run-dir " + context.run_directory;
  }
  std::string state;
  if (context.state_directory != CommandContext{}.state_directory) {
    state += " --state-dir " + context.state_directory;
  }
  const std::string gala = context.program_directory + "/gala";
  fmt::print("\n{} is running. Everything it writes is below {}/{}.\n\n", name,
             context.state_directory, name);
  fmt::print("  watch the stages     {} top{} {}\n", gala, directories, name);
  fmt::print("  watch diagnoses      {} diagnoses{} {} --follow\n", gala, state, name);
  fmt::print("  watch events         {} events{} {} --follow\n", gala, state, name);
  fmt::print("  look into an edge    {} tap{} --pipeline {}\n", gala, directories, name);
  fmt::print("  what is missing      {} doctor{} {}\n", gala, directories, name);
  fmt::print("  try it on a fault    {} demo\n", gala);
  fmt::print("  stop it              {} stop{}{} {}\n", gala, directories, state, name);
}

int run(const CommandContext& context, const RunOptions& options) {
  auto prepared = prepare_supervised(context, options.pipeline);
  if (!prepared) {
    fmt::print(stderr, "{}", prepared.error().what);
    return exit_bad_input;
  }
  Interrupt interrupt;
  const auto started = start_supervised(*prepared, [&](const std::string& news) {
    fmt::print("  {}\n", news);
    std::fflush(stdout);
    return !interrupt.requested();
  });
  if (!started) {
    fmt::print(stderr, "gala run: {}\n", started.error().what);
    return exit_failure;
  }
  print_help(context, prepared->pipeline.name);
  if (options.detach) {
    return exit_ok;
  }
  fmt::print("\nCtrl-C stops it (--detach leaves it running).\n");
  std::fflush(stdout);
  while (!interrupt.wait(1s)) {
  }
  fmt::print("stopping\n");
  if (const auto stopped = stop_supervised(context, prepared->pipeline.name); !stopped) {
    fmt::print(stderr, "gala run: {}\n", stopped.error().what);
    return exit_failure;
  }
  return exit_ok;
}

}  // namespace

void add_run_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "run",
            .group = command_group::run,
            .about = "Start a pipeline on this host under supervisord and show how it comes up",
            .examples = "  gala run single-host\n"
                        "  gala run pipelines/single-host.toml --detach\n"
                        "  gala run mine.toml --run-dir /tmp/run --state-dir /tmp/state\n"});
  RunOptions& options = context.keep<RunOptions>();
  add_pipeline(command, options.pipeline, PipelineArgument::positional, "the one to start")
      ->required();
  command.add_flag("--detach", options.detach, "Return when it is up, and leave it running");
  context.on_run(command, [&context, &options] { return run(context, options); });
}

}  // namespace gala
