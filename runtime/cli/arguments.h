// Arguments that several commands take: read the same way and explained in the same words
// everywhere.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cli/command.h"

namespace gala {

/// A pipeline as people name it: by its name, by its file, or by the file's name ("mine.toml").
struct NamedPipeline {
  std::string name;
  /// "" when no such file is found: a running pipeline or a journal needs none.
  std::string file;
};

/// Looks for `wanted` as a path, then among the installed pipelines. The name is the one in the
/// file; "" stays "".
NamedPipeline name_pipeline(const CommandContext& context, const std::string& wanted);

/// Its file; `wanted` itself when there is none, for the error of who reads it.
std::string pipeline_file(const CommandContext& context, const std::string& wanted);

/// How a command takes its pipeline.
enum class PipelineArgument {
  /// `gala top NAME` and `gala top --pipeline NAME`.
  positional,
  /// Only --pipeline: another thing stands first.
  option,
};

/// Adds it; `remark` says what it is for or what happens without it.
CLI::Option* add_pipeline(CLI::App& command, std::string& pipeline, PipelineArgument kind,
                          std::string_view remark);
CLI::Option* add_pipelines(CLI::App& command, std::vector<std::string>& pipelines,
                           std::string_view remark);

/// An option that takes a moment (runtime/core/moment.h).
CLI::Option* add_moment(CLI::App& command, const std::string& flag, std::string& moment,
                        std::string_view about);

}  // namespace gala
