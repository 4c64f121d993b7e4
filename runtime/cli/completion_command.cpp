// gala completion: what the shell offers when Tab is pressed.
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "runtime/cli/command.h"
#include "runtime/cli/completion.h"
#include "runtime/cli/probe_info.h"
#include "runtime/cli/workspace.h"
#include "runtime/core/read_file.h"

namespace gala {
namespace {

struct CompletionOptions {
  std::string shell = "bash";
  /// Words the scripts ask for: "pipelines", "stages" or "names".
  std::string words;
};

/// Stages of all installed pipelines.
std::set<std::string> stage_names(const CommandContext& context) {
  std::set<std::string> names;
  for (const std::string& path : installed_pipelines(context)) {
    Diagnostics ignored;
    const auto text = read_file(path);
    const auto pipeline = text ? parse_pipeline({path, *text}, ignored) : std::nullopt;
    if (!pipeline) {
      continue;
    }
    for (const StageNode& node : pipeline->stages) {
      names.insert(node.name);
    }
  }
  return names;
}

/// What `gala describe` knows.
std::set<std::string> described_names(const CommandContext& context) {
  std::set<std::string> names;
  if (const auto stages = load_descriptions(context.share_directory)) {
    for (const StageDescriptionFile& stage : *stages) {
      names.insert(stage.description.name);
    }
  }
  std::vector<SourceText> sources;
  Diagnostics ignored;
  const Model model = Model::load(context.share_directory + "/model", sources, ignored);
  for (const Entity& entity : model.entities()) {
    names.insert(entity.name);
    for (const Metric& metric : entity.metrics) {
      names.insert(entity.name + "." + metric.name);
    }
  }
  for (const ProbeInfo& probe : load_probes(context.share_directory)) {
    names.insert(probe.name);
  }
  return names;
}

int print_words(const CommandContext& context, const std::string& kind) {
  std::set<std::string> words;
  if (kind == "stages") {
    words = stage_names(context);
  } else if (kind == "names") {
    words = described_names(context);
  } else {
    for (const std::string& path : installed_pipelines(context)) {
      words.insert(std::filesystem::path(path).stem().string());
    }
  }
  for (const std::string& word : words) {
    fmt::print("{}\n", word);
  }
  return exit_ok;
}

}  // namespace

void add_completion_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "completion",
            .group = command_group::look,
            .about = "Print the completion script of a shell",
            .examples = "  source <(gala completion bash)                  in ~/.bashrc\n"
                        "  source <(gala completion zsh)                   in ~/.zshrc\n"
                        "  gala completion fish | source                   in config.fish\n"});
  CompletionOptions& options = context.keep<CompletionOptions>();
  command.add_option("shell", options.shell, "bash, zsh or fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->capture_default_str();
  command.add_option("--words", options.words, "What the scripts ask for")
      ->check(CLI::IsMember({"pipelines", "stages", "names"}))
      ->group("");
  context.on_run(command, [&app, &context, &options] {
    if (!options.words.empty()) {
      return print_words(context, options.words);
    }
    fmt::print("{}", completion_script(app, options.shell));
    return exit_ok;
  });
}

}  // namespace gala
