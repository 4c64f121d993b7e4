// gala train: warms the models of detect from history.
#include "runtime/cli/command.h"
#include "runtime/cli/stage_mode.h"

namespace gala {

void add_train_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "train",
            .group = command_group::run,
            .about = "Warm the models of detect from history that is known to be healthy",
            .examples = "  gala train --recording healthy.rec\n"
                        "  gala train --help\n"});
  forward_to_stage(command, context,
                   {.stage = "detect",
                    .mode = "train",
                    .takes_state_directory = true,
                    .takes_share_directory = true});
}

}  // namespace gala
