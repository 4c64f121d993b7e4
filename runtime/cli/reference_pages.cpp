// The reference as Markdown, from the same declarations that the programs run by.
#include "runtime/cli/reference_pages.h"

#include <fmt/format.h>

#include "runtime/cli/model_text.h"

namespace gala {
namespace {

constexpr std::string_view notice =
    "<!-- Written by `gala docs`; change the declaration it comes from instead. -->\n";

/// A cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char character : text) {
    if (character == '|') {
      out.append("\\|");
    } else {
      out.push_back(character == '\n' ? ' ' : character);
    }
  }
  return out;
}

std::string code(std::string_view text) { return fmt::format("`{}`", cell(text)); }

std::string type_words(std::span<const wire::MessageType> types) {
  std::string out;
  for (const wire::MessageType type : types) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", type_name(type));
  }
  return out;
}

std::string fields_table(std::span<const FieldDescription> fields) {
  if (fields.empty()) {
    return "It has no parameters.\n";
  }
  std::string out = "| parameter | type, default, range | meaning |\n|---|---|---|\n";
  for (const FieldDescription& field : fields) {
    out += fmt::format("| {} | {} | {} |\n", code(field.name), cell(field_facts(field)),
                       cell(field.help));
  }
  return out;
}

std::string stage_section(const StageDescriptionFile& stage) {
  const StageDescription& description = stage.description;
  std::string out = fmt::format("\n## {}\n\n{}\n\n", description.name, description.about);
  out += fmt::format("- reads: {}\n", description.inputs.empty() ? "nothing; it is a source"
                                                                 : type_words(description.inputs));
  for (const PortDescription& port : description.outputs) {
    out += fmt::format("- sends on port {}: {}. {}\n", code(port.name), type_words(port.types),
                       port.about);
  }
  out += fmt::format("- needs: {}\n\n", description.needs.empty() ? "nothing" : description.needs);
  return out + fields_table(stage.fields);
}

/// Not the columns: those of probes depend on the kernel that asks.
RenderedFile stages_page(std::span<const StageDescriptionFile> stages) {
  std::string out = fmt::format(
      "{}# Stages\n\nEach is a program, `gala-<name>`. Besides its own parameters every section "
      "takes the "
      "keys in [pipelines.md](pipelines.md).\n",
      notice);
  for (const StageDescriptionFile& stage : stages) {
    out += stage_section(stage);
  }
  return {"stages.md", std::move(out)};
}

RenderedFile pipelines_page(std::span<const StageDescriptionFile> stages) {
  std::string out = fmt::format("{}# Keys of a pipeline file\n", notice);
  out +=
      "\n| key | type, default, range | meaning |\n|---|---|---|\n"
      "| `pipeline.name` | text, required | Names the directories under `--run-dir` and "
      "`--state-dir`. |\n"
      "| `pipeline.period` | duration, default \"5s\", between 100ms and 1h | Length of a window. "
      "|\n"
      "| `stages.<name>.run` | text, required | The program, without `gala-`. |\n"
      "| `stages.<name>.from` | list | What the stage reads: `\"stage\"` (its first port), "
      "`\"stage.port\"`, or `{ stage, port, delivery, queue }`. |\n"
      "| `stages.<name>.delivery` | `\"drop\"` or `\"block\"`, default `\"drop\"` | For all of its "
      "incoming edges that say nothing else. `durable` is not available in this release. |\n"
      "| `stages.<name>.queue` | integer, default 1000, between 1 and 1000000 | Messages that may "
      "wait "
      "on each of its incoming edges. |\n"
      "| `stages.<name>.metrics` | text, default none | `\"127.0.0.1:9470\"`: the stage answers "
      "Prometheus there about itself. |\n"
      "| `override.<entity>.check.<id>` | table | A site's values of a check: `above`, `below`, "
      "`clear`, "
      "`for`, `clear_for`, `baseline`, `warmup`, `factor`, `least_change`, `least_count`, "
      "`severity`. |\n"
      "\nNames have at most 31 characters: a lower-case letter, then lower-case letters, digits "
      "and `-`.\n"
      "`hosts`, `on`, `count` and `by` belong to later releases and are refused.\n"
      "\n# Parameters of each stage\n";
  for (const StageDescriptionFile& stage : stages) {
    out +=
        fmt::format("\n## run = \"{}\"\n\n{}", stage.description.name, fields_table(stage.fields));
  }
  return {"pipelines.md", std::move(out)};
}

std::string attributes_table(const Entity& entity) {
  std::string out = "\n| key or label | | meaning |\n|---|---|---|\n";
  for (const Attribute& key : entity.keys) {
    out += fmt::format("| {} | key | {} |\n", code(key.name), cell(key.about.en));
  }
  for (const Attribute& label : entity.labels) {
    out += fmt::format("| {} | label | {} |\n", code(label.name), cell(label.about.en));
  }
  return out;
}

std::string metrics_table(const Entity& entity) {
  std::string out = entity.metrics.empty()
                        ? ""
                        : "\n| metric `gala_gopher_" + entity.name +
                              "_…` | measured | meaning | 含义 |\n|---|---|---|---|\n";
  for (const Metric& metric : entity.metrics) {
    out += fmt::format("| {}{} | {} | {} | {} |\n", code(metric.name), metric.kpi ? " **KPI**" : "",
                       cell(source_text(entity, metric)), cell(metric.about.en),
                       cell(metric.about.zh));
  }
  return out;
}

std::string checks_table(const Entity& entity) {
  std::string out =
      entity.checks.empty()
          ? ""
          : "\n| check | metric | abnormal when | severity | text |\n|---|---|---|---|---|\n";
  for (const Check& check : entity.checks) {
    out += fmt::format("| {} | {} | {} | {} | {} |\n", code(check.id), code(check.metric),
                       cell(condition_text(check)), to_string(check.severity), cell(check.text.en));
  }
  return out;
}

std::string hazards_table(const Entity& entity) {
  std::string out = entity.hazards.empty()
                        ? ""
                        : "\n| hazard | kind | when | method | belief before evidence | text |\n"
                          "|---|---|---|---|---|---|\n";
  for (const Hazard& hazard : entity.hazards) {
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", code(hazard.id),
                       fmt::format("{}", fmt::join(hazard.kinds, ", ")),
                       cell(condition_text(entity, hazard)), to_string(hazard.method), hazard.prior,
                       cell(hazard.text.en));
  }
  return out;
}

std::string exposures_table(const Entity& entity) {
  std::string out =
      entity.exposures.empty()
          ? ""
          : "\n| suffers | from hazards of kind | path | share |\n|---|---|---|---|\n";
  for (const Exposure& exposure : entity.exposures) {
    out += fmt::format("| {} | {} | {} | {} |\n", fmt::join(exposure.suffers, ", "),
                       fmt::join(exposure.to, ", "), cell(path_text(exposure.path)),
                       cell(share_text(exposure)));
  }
  return out;
}

std::string groups_text(const Entity& entity) {
  std::string out = entity.groups.empty() ? "" : "\nGroups of metrics:\n\n";
  for (const MetricGroup& group : entity.groups) {
    out += fmt::format("- {}: {}\n", code(group.name), fmt::join(group.metrics, ", "));
  }
  return out;
}

RenderedFile entities_page(const Model& model) {
  std::string out = fmt::format(
      "{}# Entities\n\nWhat is observed, from `schemas/model/`. Ids are "
      "`<machine_id>_<entity>_<key1>_<key2>…` in the order of the keys.\n",
      notice);
  for (const Entity& entity : model.entities()) {
    out += fmt::format("\n## {}\n\n{} ({} level)\n\n{}\n", entity.name, entity.about.en,
                       entity.level, entity.about.zh);
    out += attributes_table(entity) + metrics_table(entity) + checks_table(entity);
    out += entity.relations.empty() ? "" : "\nRelations:\n\n";
    for (const Relation& relation : entity.relations) {
      out += fmt::format("- {}\n", relation_text(relation));
    }
    out += hazards_table(entity) + groups_text(entity) + exposures_table(entity);
  }
  return {"entities.md", std::move(out)};
}

std::string teaches_text(const ProbeTable& table) {
  std::string out;
  for (const auto& [fact, column] : table.teaches) {
    out += fmt::format("{}{} from {}", out.empty() ? "" : ", ", code(fact), code(column));
  }
  return out;
}

RenderedFile probes_page(std::span<const ProbeInfo> probes) {
  std::string out = fmt::format(
      "{}# Probes\n\nQuestions to the kernel, from `bpf/`. Of each hook the first alternative is "
      "taken "
      "that the running kernel accepts; `gala doctor` says which.\n",
      notice);
  for (const ProbeInfo& probe : probes) {
    out += fmt::format("\n## {}\n\n{}\n\nCosts {}.\n\n", probe.name, probe.about, probe.cost);
    out += "| table of records | rows | teaches |\n|---|---|---|\n";
    for (const ProbeTable& table : probe.tables) {
      out += fmt::format("| {} | {} | {} |\n", code(probe.name + "." + table.name),
                         cell(table.about), teaches_text(table));
    }
    out += "\n| hook | alternatives | without it |\n|---|---|---|\n";
    for (const ProbeHook& hook : probe.hooks) {
      out += fmt::format("| {} | {} | {} |\n", cell(hook.about), fmt::join(hook.alternatives, ", "),
                         cell(hook.lost));
    }
  }
  return {"probes.md", std::move(out)};
}

}  // namespace

std::vector<RenderedFile> reference_pages(std::span<const StageDescriptionFile> stages,
                                          const Model& model, std::span<const ProbeInfo> probes) {
  return {stages_page(stages), pipelines_page(stages), entities_page(model), probes_page(probes)};
}

}  // namespace gala
