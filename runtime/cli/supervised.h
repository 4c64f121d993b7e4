// A pipeline under supervisord: what `gala run` and `gala stop` do, step by step.
#pragma once

#include <functional>
#include <string>

#include "runtime/cli/command.h"
#include "runtime/cli/supervisor.h"
#include "runtime/core/graph.h"
#include "runtime/core/result.h"

namespace gala {

/// A checked pipeline with everything rendered and nothing started.
struct Supervised {
  Pipeline pipeline;
  Supervisor supervisor;
  /// <run-dir>/<name> and <state-dir>/<name>.
  std::string run_directory;
  std::string state_directory;
  std::string configuration_file;
  std::string configuration;
  /// The pipeline file as it is now, and the copy of it that was started last.
  std::string text;
  std::string copy_file;
};

/// Checks the pipeline, its stages' sections included, and renders what supervisord reads. The
/// error is everything that is wrong, ready to be printed.
Result<Supervised> prepare_supervised(const CommandContext& context,
                                      const std::string& name_or_path);

/// Told what happens; false = give up.
using Progress = std::function<bool(const std::string& news)>;

/// Starts it and waits for the first word of every stage. One that runs already stays as it is, or
/// is changed to what the file says now.
Result<> start_supervised(const Supervised& supervised, const Progress& progress);

/// Stops a pipeline by name; nothing happens when it does not run.
Result<> stop_supervised(const CommandContext& context, const std::string& name);

/// The supervisord paths of a pipeline by name.
SupervisorPaths supervisor_paths(const CommandContext& context, const std::string& name);

}  // namespace gala
