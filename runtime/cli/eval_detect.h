// `gala eval detect`: the production detector over series with a training part.
#pragma once

#include "runtime/cli/command.h"

namespace gala {

/// Registers `detect` beneath `gala eval`.
void add_eval_detect(CLI::App& eval, CommandContext& context);

}  // namespace gala
