// gala complete: what the completion stubs of the shells ask when Tab is pressed.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/completion.h"
#include "runtime/cli/journal.h"
#include "runtime/cli/probe_info.h"
#include "runtime/cli/running.h"
#include "runtime/cli/workspace.h"
#include "runtime/core/read_file.h"

namespace gala {
namespace {

struct CompleteOptions {
  std::vector<std::string> words;
};

/// Tab has an instant: only so much of a journal's end is read, and so many names are enough.
constexpr std::uint64_t journal_end_bytes = std::uint64_t{2} << 20;
constexpr std::size_t most_journal_names = 500;

std::vector<Candidate> pipelines(const CommandContext& context) {
  std::set<std::string> names;
  for (const std::string& file : installed_pipelines(context)) {
    names.insert(name_pipeline(context, file).name);
  }
  for (std::string& name : running_names(context.run_directory)) {
    names.insert(std::move(name));
  }
  std::vector<Candidate> words;
  for (const std::string& name : names) {
    words.push_back({name, ""});
  }
  return words;
}

/// Stages that run, with their ports; else those of the installed pipelines.
std::vector<Candidate> stages(const CommandContext& context) {
  std::set<std::string> names;
  for (const std::string& pipeline : running_names(context.run_directory)) {
    if (const auto running = find_running(context.run_directory, pipeline)) {
      for (const TapPort& tap : running->taps) {
        names.insert(tap.stage);
        names.insert(tap.stage + "." + tap.port);
      }
    }
  }
  for (const std::string& path :
       names.empty() ? installed_pipelines(context) : std::vector<std::string>{}) {
    Diagnostics ignored;
    const auto pipeline = parse_pipeline({path, read_file(path).value_or("")}, ignored);
    for (const StageNode& node : pipeline ? pipeline->stages : std::vector<StageNode>{}) {
      names.insert(node.name);
    }
  }
  std::vector<Candidate> words;
  for (const std::string& name : names) {
    words.push_back({name, ""});
  }
  return words;
}

/// What `gala describe` knows.
std::vector<Candidate> described(const CommandContext& context) {
  std::vector<Candidate> words;
  if (const auto stages = load_descriptions(context.share_directory)) {
    for (const StageDescriptionFile& stage : *stages) {
      words.push_back({stage.description.name, stage.description.about});
    }
  }
  std::vector<SourceText> sources;
  Diagnostics ignored;
  const Model model = Model::load(context.share_directory + "/model", sources, ignored);
  for (const Entity& entity : model.entities()) {
    words.push_back({entity.name, entity.about.en});
    for (const Metric& metric : entity.metrics) {
      words.push_back({entity.name + "." + metric.name, metric.about.en});
    }
  }
  for (const ProbeInfo& probe : load_probes(context.share_directory)) {
    words.push_back({probe.name, probe.about});
  }
  return words;
}

/// The texts that stand under `key` in the last lines of all pipelines' journals, or one level
/// deeper.
std::vector<Candidate> journal_names(const CommandContext& context, const std::string& file,
                                     const std::string& key) {
  std::set<std::string> names;
  for (const Candidate& pipeline : pipelines(context)) {
    auto reader = JournalReader::open_end(
        context.state_directory + "/" + pipeline.word + "/" + file, journal_end_bytes);
    while (reader && names.size() < most_journal_names) {
      const auto text = reader->next();
      if (!text) {
        break;
      }
      const auto line = nlohmann::json::parse(*text, nullptr, false);
      const auto attributes = line.is_object() ? line.find("Attributes") : line.end();
      const auto& holder = line.is_object() && attributes != line.end() ? *attributes : line;
      const auto found = holder.is_object() ? holder.find(key) : holder.end();
      if (holder.is_object() && found != holder.end() && found->is_string()) {
        names.insert(found->get<std::string>());
      }
    }
  }
  std::vector<Candidate> words;
  for (const std::string& name : names) {
    words.push_back({name, ""});
  }
  return words;
}

std::vector<Candidate> words_of(CommandContext context, const std::string& type,
                                const CommandLine& line) {
  for (const auto& [option, value] : line.shared) {
    if (option == "--run-dir") {
      context.run_directory = value;
    } else if (option == "--state-dir") {
      context.state_directory = value;
    } else if (option == "--share-dir") {
      context.share_directory = value;
    }
  }
  if (type == "PIPELINE") {
    return pipelines(context);
  }
  if (type == "STAGE") {
    return stages(context);
  }
  if (type == "NAME") {
    return described(context);
  }
  if (type == "ENTITY") {
    return journal_names(context, "events.jsonl", "entity_id");
  }
  return type == "PROCESS" ? journal_names(context, "profiles.jsonl", "comm")
                           : std::vector<Candidate>{};
}

}  // namespace

void add_complete_command(CLI::App& app, CommandContext& context) {
  CLI::App& command =
      context.add(app, {.name = "complete",
                        .group = command_group::hidden,
                        .about = "What may follow these words; asked by the completion stubs",
                        .examples = "  gala complete -- top --pip\n"});
  CompleteOptions& options = context.keep<CompleteOptions>();
  command.add_option("words", options.words, "What stands behind gala, up to the cursor");
  context.on_run(command, [&app, &context, &options] {
    const auto ask = [&](const std::string& type, const CommandLine& line) {
      return words_of(context, type, line);
    };
    for (const Candidate& one : complete(app, options.words, ask)) {
      fmt::print("{}{}{}\n", one.word, one.about.empty() ? "" : "\t", one.about);
    }
    return exit_ok;
  });
}

}  // namespace gala
