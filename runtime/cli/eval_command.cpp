// gala eval: the classes of the stages over recordings of foreign data, in virtual time.
#include "runtime/cli/command.h"
#include "runtime/cli/stage_mode.h"

namespace gala {

void add_eval_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "eval",
            .group = command_group::look,
            .about = "Measure accuracy on recordings: writes what the production classes say",
            .examples = "  gala eval rca --in cases --out ranks.csv\n"
                        "  gala eval detect --in data/detect/smd --out scores\n"
                        "  gala eval rca --help\n"});
  command.require_subcommand(1);
  forward_to_stage(
      *command.add_subcommand("rca", "Root causes of incidents in foreign metrics (gala-infer)"),
      context, {.stage = "infer", .mode = "evaluate", .takes_share_directory = true});
  forward_to_stage(
      *command.add_subcommand("detect", "Scores and alarms for each row of series (gala-detect)"),
      context, {.stage = "detect", .mode = "evaluate"});
}

}  // namespace gala
