// Reads what commands work on and collects what is wrong with it.
#include "runtime/cli/workspace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "runtime/cli/arguments.h"
#include "runtime/core/read_file.h"

namespace gala {

std::vector<std::string> installed_pipelines(const CommandContext& context) {
  std::vector<std::string> paths;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(context.share_directory + "/pipelines", failed),
       end;
       !failed && entry != end; entry.increment(failed)) {
    if (entry->path().extension() == ".toml") {
      paths.push_back(entry->path().string());
    }
  }
  std::ranges::sort(paths);
  return paths;
}

Workspace load_workspace(const CommandContext& context, std::span<const std::string> pipelines,
                         bool with_model) {
  Workspace workspace;
  Diagnostics& diagnostics = workspace.diagnostics;
  const auto catalog = load_catalog(context.share_directory);
  if (!catalog) {
    diagnostics.error({}, catalog.error().what);
  }
  if (with_model) {
    workspace.model =
        Model::load(context.share_directory + "/model", workspace.sources, diagnostics);
  }
  for (const std::string& name : pipelines) {
    const std::string path = pipeline_file(context, name);
    auto text = read_file(path);
    if (!text) {
      diagnostics.error({}, text.error().what);
      continue;
    }
    workspace.sources.push_back({path, std::move(*text)});
    auto pipeline = parse_pipeline(workspace.sources.back(), diagnostics);
    if (!pipeline) {
      continue;
    }
    if (catalog) {
      check_pipeline(*pipeline, *catalog, diagnostics);
      check_endpoints(*pipeline, context.run_directory + "/" + pipeline->name, diagnostics);
    }
    workspace.pipelines.push_back(std::move(*pipeline));
    workspace.files.push_back(path);
  }
  return workspace;
}

void print_findings(const Workspace& workspace) {
  fmt::print(stderr, "{}", workspace.diagnostics.render(workspace.sources));
}

std::optional<Pipeline> load_pipeline(const CommandContext& context,
                                      const std::string& name_or_path) {
  Workspace workspace = load_workspace(context, std::span(&name_or_path, 1), false);
  print_findings(workspace);
  if (workspace.diagnostics.has_errors() || workspace.pipelines.empty()) {
    return std::nullopt;
  }
  return std::move(workspace.pipelines.front());
}

}  // namespace gala
