// gala check: everything that is wrong with pipelines, the model, and the model against the probes.
#include <fmt/format.h>

#include <set>
#include <tuple>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/stage_programs.h"
#include "runtime/cli/workspace.h"

namespace gala {
namespace {

struct CheckOptions {
  std::vector<std::string> pipelines;
  bool json = false;
};

/// Adds findings that are not there yet: every stage program reports the pipeline's and the model's
/// own errors too.
void merge(Workspace& workspace, const std::vector<Diagnostic>& more) {
  const auto identity = [](const Diagnostic& one) {
    return std::tuple(one.place.file, one.place.line, one.place.column, one.text);
  };
  std::set<std::tuple<std::string, unsigned, unsigned, std::string>> known;
  for (const Diagnostic& one : workspace.diagnostics.sorted()) {
    known.insert(identity(one));
  }
  for (const Diagnostic& one : more) {
    if (known.insert(identity(one)).second) {
      workspace.diagnostics.add(one);
    }
  }
}

/// That tables have the columns that they teach from. ebpf-source checks a probe.toml, at its
/// place.
void check_teachings(const RecordSchemas& schemas, Diagnostics& diagnostics) {
  for (const auto& [name, table] : schemas) {
    for (const auto& [fact, column] : table.teaches) {
      std::vector<std::string> faults = missing_keys(fact, table.columns);
      if (std::string fault = wrong_column(fact, column, table.columns); !fault.empty()) {
        faults.push_back(std::move(fault));
      }
      for (const std::string& fault : faults) {
        diagnostics.error({}, "records " + quote(name) + ": " + fault);
      }
    }
  }
}

void check_model(const CommandContext& context, Workspace& workspace) {
  const auto stages = load_descriptions(context.share_directory);
  if (!stages) {
    return;  // reported when the workspace was loaded
  }
  RecordSchemas schemas;
  for (const StageDescriptionFile& stage : *stages) {
    if (!stage.description.inputs.empty()) {
      continue;
    }
    auto described = describe_program(context, stage.description.name);
    if (!described) {
      workspace.diagnostics.warn(
          {}, described.error().what + "; its records are taken from when it was built");
    }
    schemas.merge(described ? std::move(described->records) : RecordSchemas(stage.records));
  }
  if (schemas.empty()) {
    workspace.diagnostics.error({},
                                context.share_directory +
                                    ": no installed source offers records, so the model cannot "
                                    "be compared with what is measured; is the build complete?");
    return;
  }
  workspace.model.check_against(schemas, workspace.diagnostics);
  check_teachings(schemas, workspace.diagnostics);
}

void check_pipelines(const CommandContext& context, Workspace& workspace) {
  for (std::size_t i = 0; i < workspace.pipelines.size(); ++i) {
    const Pipeline& pipeline = workspace.pipelines[i];
    Model changed = workspace.model;
    Diagnostics overrides;
    changed.apply_override(pipeline.override_table, overrides);
    merge(workspace, overrides.sorted());
    for (const StageNode& node : pipeline.stages) {
      const auto findings = check_program(context, workspace.files[i], node);
      if (findings) {
        merge(workspace, *findings);
      } else {
        workspace.diagnostics.warn(node.run_place, findings.error().what);
      }
    }
  }
}

int check(const CommandContext& context, const CheckOptions& options) {
  const std::vector<std::string> pipelines =
      options.pipelines.empty() ? installed_pipelines(context) : options.pipelines;
  Workspace workspace = load_workspace(context, pipelines, true);
  check_model(context, workspace);
  check_pipelines(context, workspace);
  const bool wrong = workspace.diagnostics.has_errors();
  if (options.json) {
    fmt::print("{}\n", diagnostics_json(workspace.diagnostics));
    return wrong ? exit_bad_input : exit_ok;
  }
  print_findings(workspace);
  if (!wrong) {
    fmt::print("{} pipeline(s) and {} entities: nothing is wrong\n", workspace.pipelines.size(),
               workspace.model.entities().size());
  }
  return wrong ? exit_bad_input : exit_ok;
}

}  // namespace

void add_check_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app,
      {.name = "check",
       .group = command_group::write,
       .about = "Show everything that is wrong with pipelines and the model, at its place",
       .examples = "  gala check                                   all that is installed\n"
                   "  gala check pipelines/single-host.toml        one pipeline, and the model\n"
                   "  gala check mine.toml --json                  for editors and CI\n"});
  CheckOptions& options = context.keep<CheckOptions>();
  add_pipelines(command, options.pipelines, "the ones to check (default: all installed)");
  command.add_flag("--json", options.json,
                   "Print the findings as [{\"file\",\"line\",\"column\",\"text\",\"warning\"}]");
  context.on_run(command, [&context, &options] { return check(context, options); });
}

}  // namespace gala
