// Asking the installed stage programs about themselves and about a section of a pipeline.
#pragma once

#include <string>
#include <vector>

#include "runtime/cli/command.h"
#include "runtime/core/describe.h"
#include "runtime/core/graph.h"
#include "runtime/core/result.h"

namespace gala {

/// `gala-<name> --describe json`, now and on this kernel.
Result<StageDescriptionFile> describe_program(const CommandContext& context,
                                              const std::string& name);

/// `gala-<run> --check` for one stage of a pipeline file: what is wrong with its section. No
/// findings when the program is not installed, which `check_pipeline` reports.
Result<std::vector<Diagnostic>> check_program(const CommandContext& context,
                                              const std::string& pipeline_file,
                                              const StageNode& node);

}  // namespace gala
