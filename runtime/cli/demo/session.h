// One demonstration from beginning to end: application, pipeline, fault, what was seen, recovery.
#pragma once

#include <string>

#include "runtime/cli/command.h"
#include "runtime/cli/demo/outcome.h"
#include "runtime/cli/process.h"

namespace gala::demo {

struct SessionOptions {
  std::string pipeline = "single-host";
  std::string fault;
  /// The fault lasts at most that long, and is shown for some seconds more once it is diagnosed.
  Duration duration = std::chrono::seconds(60);
  /// Before the fault, once the first KPI was seen; 0 = as long as the model's baselines need.
  Duration settle{0};
  std::string record_directory;
  /// Leave the directory with logs and journals behind.
  bool keep = false;
};

/// Runs it, telling what happens on stdout. Everything is taken down again on every way out.
Result<Outcome> run_session(const CommandContext& context, const SessionOptions& options,
                            Interrupt& interrupt);

}  // namespace gala::demo
