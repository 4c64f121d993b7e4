// gala describe: what a stage, an entity, a metric or a probe is.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "runtime/cli/command.h"
#include "runtime/cli/model_text.h"
#include "runtime/cli/workspace.h"

namespace gala {
namespace {

struct DescribeOptions {
  std::string name;
};

/// Everything that can be described.
struct Library {
  std::vector<StageDescriptionFile> stages;
  Model model;
  std::vector<ProbeInfo> probes;
};

void list_all(const Library& library) {
  fmt::print("stages\n");
  for (const StageDescriptionFile& stage : library.stages) {
    fmt::print("  {:<18} {}\n", stage.description.name, stage.description.about);
  }
  fmt::print("\nentities\n");
  for (const Entity& entity : library.model.entities()) {
    fmt::print("  {:<18} {}\n", entity.name, entity.about.en);
  }
  fmt::print("\nprobes\n");
  for (const ProbeInfo& probe : library.probes) {
    fmt::print("  {:<18} {}\n", probe.name, probe.about);
  }
  fmt::print(
      "\ngala describe NAME says more; metrics are named rx_bytes, tcp_link.rx_bytes or "
      "gala_gopher_tcp_link_rx_bytes.\n");
}

bool names_metric(std::string_view name, const Entity& entity, const Metric& metric) {
  return name == metric.name || name == entity.name + "." + metric.name ||
         name == "gala_gopher_" + entity.name + "_" + metric.name;
}

/// One text for each thing of that name: an entity and a probe may share it.
std::vector<std::string> find_all(const Library& library, const std::string& name) {
  std::vector<std::string> found;
  for (const StageDescriptionFile& stage : library.stages) {
    if (stage.description.name == name) {
      found.push_back(describe_text(stage));
    }
  }
  for (const ProbeInfo& probe : library.probes) {
    if (probe.name == name) {
      found.push_back(describe_probe(probe));
    }
  }
  for (const Entity& entity : library.model.entities()) {
    if (entity.name == name) {
      found.push_back(describe_entity(entity));
    }
    for (const Metric& metric : entity.metrics) {
      if (names_metric(name, entity, metric)) {
        found.push_back(describe_metric(library.model, entity, metric));
      }
    }
  }
  return found;
}

std::vector<std::string> all_names(const Library& library) {
  std::vector<std::string> names;
  for (const StageDescriptionFile& stage : library.stages) {
    names.push_back(stage.description.name);
  }
  for (const ProbeInfo& probe : library.probes) {
    names.push_back(probe.name);
  }
  for (const Entity& entity : library.model.entities()) {
    names.push_back(entity.name);
    for (const Metric& metric : entity.metrics) {
      names.push_back(metric.name);
      names.push_back(entity.name + "." + metric.name);
    }
  }
  return names;
}

int describe(const CommandContext& context, const DescribeOptions& options) {
  auto stages = load_descriptions(context.share_directory);
  if (!stages) {
    fmt::print(stderr, "gala describe: {}\n", stages.error().what);
    return exit_failure;
  }
  // A model with errors is shown as far as it could be read; gala check says what is wrong with it.
  std::vector<SourceText> sources;
  Diagnostics ignored;
  const Library library{std::move(*stages),
                        Model::load(context.share_directory + "/model", sources, ignored),
                        load_probes(context.share_directory)};
  if (options.name.empty()) {
    list_all(library);
    return exit_ok;
  }
  const std::vector<std::string> found = find_all(library, options.name);
  if (found.empty()) {
    const std::string hint = did_you_mean(options.name, all_names(library));
    fmt::print(stderr, "gala describe: nothing is called \"{}\"{}\n", options.name,
               hint.empty() ? "; `gala describe` lists what there is" : hint);
    return exit_bad_input;
  }
  fmt::print("{}", fmt::join(found, "\n"));
  return exit_ok;
}

}  // namespace

void add_describe_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app,
      {.name = "describe",
       .group = command_group::write,
       .about = "Say what a stage, an entity, a metric or a probe is",
       .examples = "  gala describe                           what there is\n"
                   "  gala describe threshold                 parameters and ports of a stage\n"
                   "  gala describe tcp_link                  keys, metrics, checks, causes\n"
                   "  gala describe gala_gopher_sli_latency   one metric\n"});
  DescribeOptions& options = context.keep<DescribeOptions>();
  command.add_option("name", options.name, "Stage program, entity, metric or probe")
      ->type_name("NAME");
  context.on_run(command, [&context, &options] { return describe(context, options); });
}

}  // namespace gala
