// Pipelines and moments on the command line.
#include "runtime/cli/arguments.h"

#include <fmt/format.h>

#include <filesystem>

#include "runtime/cli/workspace.h"
#include "runtime/core/graph.h"
#include "runtime/core/moment.h"
#include "runtime/core/read_file.h"
#include "runtime/core/stage_options.h"

namespace gala {
namespace {

namespace fs = std::filesystem;

/// The name in a pipeline file, or the file's own when it cannot be read.
std::string name_in(const std::string& file) {
  Diagnostics ignored;
  const auto pipeline = parse_pipeline({file, read_file(file).value_or("")}, ignored);
  return pipeline ? pipeline->name : fs::path(file).stem().string();
}

std::string find_file(const CommandContext& context, const std::string& wanted) {
  const std::string path = pipeline_path(context.share_directory, wanted);
  std::error_code failed;
  if (fs::is_regular_file(path, failed)) {
    return path;
  }
  for (const std::string& file : installed_pipelines(context)) {
    if (name_in(file) == wanted) {
      return file;
    }
  }
  return {};
}

std::string pipeline_help(std::string_view remark) {
  return fmt::format("A pipeline's name, its file or the file's name: {}", remark);
}

}  // namespace

NamedPipeline name_pipeline(const CommandContext& context, const std::string& wanted) {
  if (wanted.empty()) {
    return {};
  }
  const std::string file = find_file(context, wanted);
  if (!file.empty()) {
    return {name_in(file), file};
  }
  const fs::path path(wanted);
  return {path.extension() == ".toml" ? path.stem().string() : wanted, {}};
}

std::string pipeline_file(const CommandContext& context, const std::string& wanted) {
  const std::string file = name_pipeline(context, wanted).file;
  return file.empty() ? wanted : file;
}

CLI::Option* add_pipeline(CLI::App& command, std::string& pipeline, PipelineArgument kind,
                          std::string_view remark) {
  return command
      .add_option(kind == PipelineArgument::positional ? "pipeline,--pipeline" : "--pipeline",
                  pipeline, pipeline_help(remark))
      ->type_name("PIPELINE");
}

CLI::Option* add_pipelines(CLI::App& command, std::vector<std::string>& pipelines,
                           std::string_view remark) {
  return command.add_option("pipeline,--pipeline", pipelines, pipeline_help(remark))
      ->type_name("PIPELINE");
}

CLI::Option* add_moment(CLI::App& command, const std::string& flag, std::string& moment,
                        std::string_view about) {
  return command.add_option(flag, moment, fmt::format("{}: {}", about, moment_forms))
      ->type_name("TIME");
}

}  // namespace gala
