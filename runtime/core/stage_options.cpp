// Command line of stage programs (CLI11).
#include "runtime/core/stage_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>

namespace gala::detail {

std::string default_share_directory() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return (program.parent_path().parent_path() / "share" / "gala").string();
}

ParsedOptions parse_stage_options(int argc, char** argv, const StageDescription& description) {
  StageOptions options;
  options.share_directory = default_share_directory();
  CLI::App app(description.about, "gala-" + description.name);
  app.footer("Started from a pipeline file, normally by supervisord (gala run):\n  gala-" +
             description.name +
             " --pipeline single-host.toml --stage NAME\nOn a recording:\n  gala-" +
             description.name +
             " --pipeline single-host.toml --stage NAME --replay in.rec --output out.rec");
  app.add_option("--pipeline", options.pipeline_file, "Pipeline file")->type_name("FILE");
  app.add_option("--stage", options.stage, "Which [stages.NAME] of it this is")->type_name("NAME");
  app.add_option("--run-dir", options.run_directory, "Where sockets and locks live")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_directory, "Where everything else is written")
      ->capture_default_str();
  app.add_option("--share-dir", options.share_directory, "Model, probes and schemas");
  app.add_option("--log-level", options.log_level, "debug, info, warn or error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_option("--describe", options.describe, "Say what this stage is: text or json")
      ->expected(0, 1)
      ->default_str("text")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--check", options.check, "Check the section, print findings as JSON and exit");
  app.add_option("--replay", options.replay, "Recordings to read instead of sockets")
      ->type_name("FILE");
  app.add_option("--output", options.output, "Recording to write with --replay")->type_name("FILE");
  try {
    app.parse(argc, argv);
    if (app.count("--describe") > 0 && options.describe.empty()) {
      options.describe = "text";
    }
    if (options.describe.empty() && (options.pipeline_file.empty() || options.stage.empty())) {
      throw CLI::RequiredError("--pipeline and --stage");
    }
    if (options.replay.empty() != options.output.empty()) {
      throw CLI::RequiredError("--replay and --output, both");
    }
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  return {options, 0};
}

}  // namespace gala::detail
