// gala flame: where a process spent CPU time or touched memory, as a flame graph.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/cli/arguments.h"
#include "runtime/cli/flame_graph.h"
#include "runtime/cli/journal_command.h"

namespace gala {
namespace {

struct FlameOptions {
  JournalOptions journal;
  std::string process;
  std::string kind = "cpu";
  std::string output;
};

/// The process as asked for: a number, or a name.
bool is_of(const nlohmann::json& line, const FlameOptions& options) {
  if (line.value("kind", "") != options.kind) {
    return false;
  }
  return options.process.empty() || line.value("comm", "") == options.process ||
         fmt::format("{}", line.value("tgid", std::uint64_t{0})) == options.process;
}

void add_line(const nlohmann::json& line, const FlameOptions& options, FlameGraph& graph) {
  const auto stacks = line.find("stacks");
  if (stacks == line.end() || !stacks->is_object()) {
    return;
  }
  for (const auto& [stack, samples] : stacks->items()) {
    if (samples.is_number_unsigned()) {
      // All processes at once: each is a bar of its own at the bottom.
      const std::string whole =
          options.process.empty()
              ? fmt::format("{} ({})", line.value("comm", ""), line.value("tgid", std::uint64_t{0}))
              : "";
      graph.add(whole.empty() ? stack : whole + ";" + stack, samples.get<std::uint64_t>());
    }
  }
}

int write_graph(const FlameOptions& options, const FlameGraph& graph,
                const FlameGraph::Labels& labels) {
  if (options.output.empty()) {
    fmt::print("{}", graph.folded());
    return exit_ok;
  }
  std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
  file << (options.output.ends_with(".svg") ? graph.svg(labels) : graph.folded());
  file.close();
  if (!file) {
    fmt::print(stderr, "gala flame: {} cannot be written\n", options.output);
    return exit_failure;
  }
  fmt::print("{}: {} samples, most in {}\n", options.output, graph.samples(), graph.hottest());
  return exit_ok;
}

int show_flame(const CommandContext& context, const FlameOptions& options) {
  if (options.kind != "cpu" && options.kind != "memory") {
    fmt::print(stderr, "gala flame: unknown kind \"{}\"; there are cpu and memory\n", options.kind);
    return exit_bad_input;
  }
  FlameGraph graph;
  FlameGraph::Labels labels;
  labels.title = fmt::format("{} of {}", options.kind == "cpu" ? "CPU time" : "Memory touched",
                             options.process.empty() ? "all processes" : options.process);
  const int code =
      walk_journal(context, options.journal, "profiles.jsonl", [&](const nlohmann::json& line) {
        if (!is_of(line, options)) {
          return;
        }
        labels.weight = line.value("weight", 1.0);
        labels.unit = line.value("unit", "");
        add_line(line, options, graph);
      });
  if (code != exit_ok) {
    return code;
  }
  if (graph.samples() == 0) {
    fmt::print(stderr,
               "gala flame: no samples of {} in that time; a process needs a few samples in 5 s to "
               "be profiled, see gala describe profile-source\n",
               options.process.empty() ? "any process" : options.process);
    return exit_failure;
  }
  return write_graph(options, graph, labels);
}

}  // namespace

void add_flame_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app,
      {.name = "flame",
       .group = command_group::look,
       .about = "Where processes spent CPU time or touched memory: a flame graph",
       .examples = "  gala flame --process redis-server --since 1m -o redis.svg\n"
                   "  gala flame --process 4711 --kind memory -o leak.svg\n"
                   "  gala flame --since 10m | head          folded stacks of all processes\n"});
  FlameOptions& options = context.keep<FlameOptions>();
  options.journal.since = "5m";
  command.add_option("--process,-p", options.process, "Number or name; default: all")
      ->type_name("PROCESS");
  command.add_option("--kind", options.kind, "cpu: where it ran; memory: where it touched memory")
      ->capture_default_str();
  command.add_option("--output,-o", options.output,
                     "File: .svg is drawn, others hold folded stacks; default: those are printed");
  add_moment(command, "--since", options.journal.since, "From this time on")->capture_default_str();
  add_moment(command, "--until", options.journal.until, "Up to this time (default: no end)");
  add_pipeline(command, options.journal.pipeline, PipelineArgument::option,
               "the one whose journal is read")
      ->capture_default_str();
  context.on_run(command, [&context, &options] { return show_flame(context, options); });
}

}  // namespace gala
