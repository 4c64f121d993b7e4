// gala eval: the production classes over recordings of foreign data, in virtual time.
#include <fmt/format.h>

#include <cstdio>

#include "runtime/cli/command.h"
#include "runtime/cli/eval_detect.h"
#include "runtime/cli/rca/rca_eval.h"

namespace gala {
namespace {

int run_rca(const CommandContext& context, const RcaEvalOptions& options) {
  const auto done = evaluate_rca(options, context.share_directory);
  if (!done) {
    fmt::print(stderr, "gala eval rca: {}\n", done.error().what);
    return exit_bad_input;
  }
  fmt::print("{} cases, {} without a cause, {:.3f} s to explain; written to {}\n", done->cases,
             done->without_cause, done->seconds, options.out);
  return exit_ok;
}

void add_rca(CLI::App& eval, CommandContext& context) {
  CLI::App& command = *eval.add_subcommand("rca", "Root causes of incidents in foreign metrics");
  command.footer("Examples:\n  gala eval rca --in petshop_train --out ranks.csv\n");
  RcaEvalOptions& options = context.keep<RcaEvalOptions>();
  command.add_option("--in", options.in, "Folder with one folder for each case")->required();
  command.add_option("--out", options.out, "File for the ranks")->required();
  command.add_option("--kinds", options.kinds, "What names of metrics mean (default: shipped)");
  context.on_run(command, [&context, &options] { return run_rca(context, options); });
}

}  // namespace

void add_eval_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "eval",
            .group = command_group::look,
            .about = "Measure accuracy on recordings: writes what the production classes say",
            .examples = "  gala eval rca --in cases --out ranks.csv\n"
                        "  gala eval detect --in data/detect/smd --out scores\n"});
  command.require_subcommand(1);
  add_rca(command, context);
  add_eval_detect(command, context);
}

}  // namespace gala
