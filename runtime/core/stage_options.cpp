// Command line of stage programs (CLI11).
#include "runtime/core/stage_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "runtime/core/exit_code.h"

namespace gala {
namespace {

void add_pipeline_options(CLI::App& app, StageOptions& options, const std::string& names) {
  app.add_option(names, options.pipeline, "Pipeline: a file, or the name of an installed one")
      ->type_name("PIPELINE")
      ->take_last();
  app.add_option("--stage", options.stage, "Which [stages.NAME] of it this is")
      ->type_name("NAME")
      ->take_last();
  app.add_option("--state-dir", options.state_directory, "Where everything else is written")
      ->type_name("DIR")
      ->take_last()
      ->capture_default_str();
  add_share_option(app, options.share_directory);
}

std::string footer_of(const std::string& program, std::span<const OfflineMode> modes) {
  const std::string section = program + " --pipeline single-host.toml --stage NAME";
  std::string text = "Started from a pipeline file, normally by supervisord (gala run):\n  " +
                     section + "\nOn a recording:\n  " + section +
                     " --replay in.rec --output out.rec";
  for (const OfflineMode& mode : modes) {
    text.append("\n").append(mode.about).append(":\n  " + program + " ");
    text.append(mode.name).append(" --help");
  }
  return text;
}

}  // namespace

void add_setup_options(CLI::App& app, StageOptions& options) {
  add_pipeline_options(app, options, "pipeline,--pipeline");
}

void add_share_option(CLI::App& app, std::string& share_directory) {
  share_directory = detail::default_share_directory();
  app.add_option("--share-dir", share_directory,
                 "What is installed (default: share/gala beside bin)")
      ->type_name("DIR")
      ->take_last();
}

std::optional<int> parse_mode(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_bad_input;
  }
}

std::string pipeline_path(const std::string& share_directory, const std::string& name_or_path) {
  std::error_code failed;
  if (name_or_path.find('/') != std::string::npos ||
      std::filesystem::is_regular_file(name_or_path, failed)) {
    return name_or_path;
  }
  const std::string installed = share_directory + "/pipelines/" + name_or_path;
  for (const std::string& candidate : {installed, installed + ".toml"}) {
    if (std::filesystem::is_regular_file(candidate, failed)) {
      return candidate;
    }
  }
  return name_or_path;
}

namespace detail {

std::string default_share_directory() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return (program.parent_path().parent_path() / "share" / "gala").string();
}

ParsedOptions parse_stage_options(int argc, char** argv, const StageDescription& description,
                                  std::span<const OfflineMode> modes) {
  StageOptions options;
  CLI::App app(description.about, "gala-" + description.name);
  app.footer(footer_of("gala-" + description.name, modes));
  add_pipeline_options(app, options, "--pipeline");
  app.add_option("--run-dir", options.run_directory, "Where sockets and locks live")
      ->capture_default_str();
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
    if (options.describe.empty() && (options.pipeline.empty() || options.stage.empty())) {
      throw CLI::RequiredError("--pipeline and --stage");
    }
    if (options.replay.empty() != options.output.empty()) {
      throw CLI::RequiredError("--replay and --output, both");
    }
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : exit_bad_input};
  }
  return {options, 0};
}

}  // namespace detail
}  // namespace gala
