// gala events: what was abnormal, from the journal.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/cli/journal_command.h"
#include "runtime/text/narrate.h"

namespace gala {
namespace {

struct EventsOptions {
  JournalOptions journal;
  bool all = false;
};

bool is_update(const nlohmann::json& line) {
  const auto attributes = line.find("Attributes");
  return attributes != line.end() && attributes->is_object() &&
         attributes->value("state", "") == "updated";
}

int show_events(const CommandContext& context, const EventsOptions& options) {
  const Language language = options.journal.chinese ? Language::chinese : Language::english;
  return walk_journal(context, options.journal, "events.jsonl", [&](const nlohmann::json& line) {
    if (!options.all && is_update(line)) {
      return;
    }
    if (const auto text = narrate_event(line.dump(), language)) {
      fmt::print("{}\n", *text);
    }
  });
}

}  // namespace

void add_events_command(CLI::App& app, CommandContext& context) {
  CLI::App& command =
      context.add(app, {.name = "events",
                        .group = command_group::look,
                        .about = "What was abnormal: when it began and ended, from the journal",
                        .examples = "  gala events --since 10m\n"
                                    "  gala events --since 11:40 --until 12:00 --entity redis\n"
                                    "  gala events --follow --json | jq .Resource.description\n"});
  EventsOptions& options = context.keep<EventsOptions>();
  add_journal_options(command, options.journal);
  command.add_flag("--all", options.all, "Also updates of events that go on");
  context.on_run(command, [&context, &options] { return show_events(context, options); });
}

}  // namespace gala
