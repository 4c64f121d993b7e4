// What commands read: pipeline files, the model, stage descriptions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cli/command.h"
#include "runtime/core/describe.h"
#include "runtime/core/graph.h"
#include "runtime/core/result.h"
#include "runtime/model/model.h"

namespace gala {

/// Paths of all installed pipelines, sorted.
std::vector<std::string> installed_pipelines(const CommandContext& context);

/// What was read, with everything that is wrong with it.
struct Workspace {
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  Model model;
  /// In the order asked for; files that cannot be read are missing here and in the diagnostics.
  std::vector<Pipeline> pipelines;
  /// The file of each.
  std::vector<std::string> files;
};

/// Reads and checks pipelines against the installed stages (ports are filled in), and, when
/// `with_model`, the model.
Workspace load_workspace(const CommandContext& context, std::span<const std::string> pipelines,
                         bool with_model);

/// Prints the findings on stderr, with carets.
void print_findings(const Workspace& workspace);

/// One pipeline, checked; findings are printed and give nothing when they are errors.
std::optional<Pipeline> load_pipeline(const CommandContext& context,
                                      const std::string& name_or_path);

}  // namespace gala
