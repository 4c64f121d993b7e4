// Commands that are offline modes of a stage's program.
#pragma once

#include <string>

#include "runtime/cli/command.h"

namespace gala {

/// `gala-<stage> <mode> …`. Such a mode declares its options itself.
struct StageMode {
  std::string stage;
  std::string mode;
  /// Which options of gala itself the mode takes, too.
  bool takes_state_directory = false;
  bool takes_share_directory = false;
};

/// Makes `command` that mode: it gets all that follows the command's name, also --help, and becomes
/// this process, so that output, exit code and signals are its own.
void forward_to_stage(CLI::App& command, CommandContext& context, const StageMode& mode);

}  // namespace gala
