// Replaces this process with a stage's program.
#include "runtime/cli/stage_mode.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace gala {
namespace {

std::vector<std::string> arguments_of(const CommandContext& context, const StageMode& mode,
                                      const std::vector<std::string>& own) {
  std::vector<std::string> arguments{context.program_directory + "/gala-" + mode.stage, mode.mode};
  if (mode.takes_state_directory) {
    arguments.insert(arguments.end(), {"--state-dir", context.state_directory});
  }
  if (mode.takes_share_directory) {
    arguments.insert(arguments.end(), {"--share-dir", context.share_directory});
  }
  arguments.insert(arguments.end(), own.begin(), own.end());
  return arguments;
}

/// "gala eval detect".
std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return (parent == nullptr ? "" : full_name(*parent) + " ") + command.get_name();
}

/// Returns only when the program cannot be started.
int become(std::vector<std::string> arguments, const std::string& command) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  std::fflush(nullptr);
  ::execv(pointers.front(), pointers.data());
  fmt::print(stderr,
             "{}: cannot start {} ({}); gala and the programs of its stages belong in one "
             "directory: build or install them together (deploy/quickstart.sh does)\n",
             command, arguments.front(), std::strerror(errno));
  return exit_failure;
}

}  // namespace

void forward_to_stage(CLI::App& command, CommandContext& context, const StageMode& mode) {
  command.fallthrough(false);
  command.allow_extras();
  command.set_help_flag();
  context.on_run(command, [&command, &context, mode] {
    return become(arguments_of(context, mode, command.remaining()), full_name(command));
  });
}

}  // namespace gala
