// gala incidents: the events of one fault as one thing, from the journal.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/cli/journal_command.h"
#include "runtime/text/narrate.h"

namespace gala {
namespace {

struct IncidentsOptions {
  JournalOptions journal;
  bool list = false;
};

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int show_incidents(const CommandContext& context, const IncidentsOptions& options) {
  const Language language = options.journal.chinese ? Language::chinese : Language::english;
  // The last message of an incident counts; while following, each is news.
  std::vector<std::string> order;
  std::map<std::string, std::string> newest;
  const int code =
      walk_journal(context, options.journal, "incidents.jsonl", [&](const nlohmann::json& line) {
        const auto text = narrate_incident(line.dump(), language, options.list);
        if (!text) {
          return;
        }
        if (options.journal.follow) {
          fmt::print("{}\n", *text);
          return;
        }
        const std::string id = text_at(line, "event_id");
        const auto attributes = line.find("Attributes");
        const bool merged = attributes != line.end() && text_at(*attributes, "state") == "merged";
        if (!newest.contains(id)) {
          order.push_back(id);
        }
        newest[id] = merged ? std::string() : *text;
      });
  for (const std::string& id : order) {
    if (!newest[id].empty()) {
      fmt::print("{}\n", newest[id]);
    }
  }
  return code;
}

}  // namespace

void add_incidents_command(CLI::App& app, CommandContext& context) {
  CLI::App& command =
      context.add(app, {.name = "incidents",
                        .group = command_group::look,
                        .about = "Which faults there were: events that belong together, as one",
                        .examples = "  gala incidents --since 1h\n"
                                    "  gala incidents --list --entity redis\n"
                                    "  gala incidents --follow\n"
                                    "  gala incidents --json | jq .Attributes.events\n"});
  IncidentsOptions& options = context.keep<IncidentsOptions>();
  add_journal_options(command, options.journal);
  command.add_flag("--list", options.list, "Also each folded event and why it belongs there");
  context.on_run(command, [&context, &options] { return show_incidents(context, options); });
}

}  // namespace gala
