// gala graph: a pipeline as a picture.
#include <fmt/format.h>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/graph_drawing.h"
#include "runtime/cli/workspace.h"

namespace gala {
namespace {

struct GraphOptions {
  std::string pipeline;
  std::string format = "terminal";
};

int draw(const CommandContext& context, const GraphOptions& options) {
  const std::optional<Pipeline> pipeline = load_pipeline(context, options.pipeline);
  if (!pipeline) {
    return exit_bad_input;
  }
  if (options.format == "dot") {
    fmt::print("{}", draw_dot(*pipeline));
  } else if (options.format == "mermaid") {
    fmt::print("{}", draw_mermaid(*pipeline));
  } else {
    fmt::print("{}", draw_terminal(*pipeline));
  }
  return exit_ok;
}

}  // namespace

void add_graph_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app,
      {.name = "graph",
       .group = command_group::write,
       .about = "Draw a pipeline: stages, edges, delivery",
       .examples = "  gala graph single-host\n"
                   "  gala graph pipelines/single-host.toml --format dot | dot -Tsvg > it.svg\n"
                   "  gala graph single-host --format mermaid   (for Markdown pages)\n"});
  GraphOptions& options = context.keep<GraphOptions>();
  add_pipeline(command, options.pipeline, PipelineArgument::positional, "the one to draw")
      ->required();
  command.add_option("--format", options.format, "terminal, dot or mermaid")
      ->check(CLI::IsMember({"terminal", "dot", "mermaid"}))
      ->capture_default_str();
  context.on_run(command, [&context, &options] { return draw(context, options); });
}

}  // namespace gala
