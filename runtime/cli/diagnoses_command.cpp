// gala diagnoses: which thing made an application slow, from the journal.
#include <fmt/format.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/cli/diagnosis_view.h"
#include "runtime/cli/journal_command.h"

namespace gala {
namespace {

struct DiagnosesOptions {
  JournalOptions journal;
  std::size_t causes = 3;
  std::size_t width = 100;
};

int show_diagnoses(const CommandContext& context, const DiagnosesOptions& options) {
  const DiagnosisStyle style{.width = options.width,
                             .color = ::isatty(STDOUT_FILENO) != 0,
                             .chinese = options.journal.chinese,
                             .causes = options.causes};
  // The last version of a diagnosis counts; while following, each is news.
  std::vector<std::string> order;
  std::map<std::string, std::string> newest;
  const int code =
      walk_journal(context, options.journal, "diagnoses.jsonl", [&](const nlohmann::json& line) {
        const std::string text = diagnosis_text(line, style);
        if (options.journal.follow) {
          fmt::print("{}\n", text);
          return;
        }
        const auto id = line.find("event_id");
        const std::string key = id != line.end() && id->is_string() ? id->get<std::string>() : "";
        if (!newest.contains(key)) {
          order.push_back(key);
        }
        newest[key] = text;
      });
  for (const std::string& key : order) {
    fmt::print("{}\n", newest[key]);
  }
  return code;
}

}  // namespace

void add_diagnoses_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "diagnoses",
            .group = command_group::look,
            .about = "What made an application slow: causes, path and evidence, from the journal",
            .examples = "  gala diagnoses --since 10m\n"
                        "  gala diagnoses --follow\n"
                        "  gala diagnoses --json | jq '.Resource.cause_metrics[0].desc'\n"});
  DiagnosesOptions& options = context.keep<DiagnosesOptions>();
  add_journal_options(command, options.journal);
  command.add_option("--causes", options.causes, "How many causes of each")->capture_default_str();
  command.add_option("--width", options.width, "Columns")
      ->check(CLI::Range(40, 400))
      ->capture_default_str();
  context.on_run(command, [&context, &options] { return show_diagnoses(context, options); });
}

}  // namespace gala
