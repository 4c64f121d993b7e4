// Registration of commands and the options that all of them share.
#include "runtime/cli/command.h"

#include <filesystem>

#include "runtime/core/stage_options.h"

namespace gala {

CLI::App& CommandContext::add(CLI::App& app, const CommandInfo& info) {
  CLI::App* command = app.add_subcommand(info.name, info.about);
  command->group(std::string(info.group));
  command->fallthrough();
  if (!info.examples.empty()) {
    command->footer("Examples:\n" + info.examples);
  }
  return *command;
}

void CommandContext::on_run(CLI::App& command, std::function<int()> body) {
  command.callback([this, body = std::move(body)] { chosen_ = body; });
}

void build_app(CLI::App& app, CommandContext& context) {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  context.program_directory = program.parent_path().string();
  context.share_directory = detail::default_share_directory();

  app.name("gala");
  app.description("Finds what made an application in this host slow: eBPF, topology, causes.");
  app.footer(
      "Examples:\n"
      "  gala check pipelines/single-host.toml    everything that is wrong with it, at once\n"
      "  gala run single-host                     start it under supervisord\n"
      "  gala tap assemble                        what leaves a stage, as JSON\n"
      "  gala <command> --help                    more of them\n"
      "\nExit codes: 0 = done, 1 = failed, 2 = wrong input");
  app.require_subcommand(1);
  app.add_option("--run-dir", context.run_directory, "Where sockets and locks live")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--state-dir", context.state_directory, "Where pipelines write everything else")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--share-dir", context.share_directory,
                 "Model, probes, schemas and pipelines (default: share/gala beside bin)")
      ->type_name("DIR");
  app.set_version_flag("--version", "gala 0.1.0");
  add_commands(app, context);
}

}  // namespace gala
