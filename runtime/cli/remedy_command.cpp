// gala remedy: what can be done about a diagnosed cause; done only when a person says so.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/cli/arguments.h"
#include "runtime/cli/journal.h"
#include "runtime/cli/journal_command.h"
#include "runtime/cli/remedy/offer.h"
#include "runtime/core/document.h"
#include "runtime/core/machine.h"
#include "runtime/text/terminal.h"

namespace gala {
namespace {

using Json = nlohmann::json;

struct RemedyOptions {
  JournalOptions journal;
  std::string diagnosis;
  std::string id;
  std::string within = "60s";
  bool apply = false;
  bool yes = false;
};

// A signal handler can reach nothing else.
std::atomic<bool> interrupted{false};

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

const Json& member(const Json& object, const char* key) {
  static const Json none = Json::object();
  const auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

/// The KPIs of an incident as events.jsonl tells of them while it grows.
class KpiWatch {
 public:
  static Result<KpiWatch> start(const std::string& path, const Json& diagnosis) {
    return KpiWatch(TRY(JournalReader::open(path)), KpiState(diagnosis));
  }

  /// True when each of the KPIs is normal again.
  bool recovered() {
    while (const auto line = reader_.next()) {
      state_.on(*line);
    }
    return state_.recovered();
  }

 private:
  KpiWatch(JournalReader reader, KpiState state)
      : reader_(std::move(reader)), state_(std::move(state)) {}

  JournalReader reader_;
  KpiState state_;
};

bool confirmed(const RemedyOptions& options) {
  if (options.yes) {
    return true;
  }
  if (::isatty(STDIN_FILENO) == 0) {
    fmt::print(stderr, "gala remedy: nobody is there to ask; say --yes to apply\n");
    return false;
  }
  fmt::print("Apply it now? [y/N] ");
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

/// "/proc/sys/net/core/somaxconn is 128", one for each change.
std::string settings_text(const std::vector<Change>& changes, std::string_view verb, bool after) {
  std::string text;
  for (const Change& change : changes) {
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", printable(change.setting.where()),
                        verb, printable(after ? change.after : change.before));
  }
  return text;
}

Result<TrialEnd> try_and_wait(const std::vector<Change>& changes, KpiWatch& watch,
                              Duration within) {
  const auto stop = [](int) { interrupted = true; };
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  const auto begin = std::chrono::steady_clock::now();
  return try_remedy(
      {changes, [&] { return watch.recovered(); },
       [] {
         std::this_thread::sleep_for(std::chrono::milliseconds{200});
         return !interrupted.load();
       },
       [&] {
         return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
       },
       within});
}

int apply(const CommandContext& context, const RemedyOptions& options, const Json& diagnosis,
          const std::vector<Change>& changes) {
  const auto within = parse_duration(options.within);
  if (!within) {
    fmt::print(stderr, "gala remedy: \"{}\" is no duration; write 30s or 2m\n", options.within);
    return exit_bad_input;
  }
  auto watch =
      KpiWatch::start(context.state_directory + "/" +
                          name_pipeline(context, options.journal.pipeline).name + "/events.jsonl",
                      diagnosis);
  if (!watch) {
    fmt::print(stderr, "gala remedy: {}\n", watch.error().what);
    return exit_failure;
  }
  if (watch->recovered()) {
    fmt::print("The KPI is normal again already; nothing was changed.\n");
    return exit_ok;
  }
  if (!confirmed(options)) {
    return exit_failure;
  }
  const auto end = try_and_wait(changes, *watch, *within);
  if (!end) {
    fmt::print(stderr, "gala remedy: {}\n", end.error().what);
    return exit_failure;
  }
  if (*end == TrialEnd::helped) {
    fmt::print("The KPI recovered; {}. It is not written to any configuration file.\n",
               settings_text(changes, "stays", true));
    return exit_ok;
  }
  fmt::print("{}; {} again.\n",
             *end == TrialEnd::stopped ? "Stopped" : "The KPI did not recover in time",
             settings_text(changes, "is", false));
  return exit_failure;
}

void show(const Offer& offer, const Treatment& treatment) {
  fmt::print("  {}\n    {}\n", printable(offer.id), printable(offer.desc));
  for (const auto* changes : {&treatment.changes, &treatment.fine}) {
    for (const Change& change : *changes) {
      fmt::print("    where    {}\n    now      {}\n    proposed {}\n",
                 printable(change.setting.where()), printable(change.before),
                 change.after.empty() ? "nothing: it is so already, or has no limit"
                                      : printable(change.after));
    }
  }
  for (const std::string& reason : treatment.missing) {
    fmt::print("    not here {}\n", printable(reason));
  }
}

int treat(const CommandContext& context, const RemedyOptions& options, const Json& diagnosis) {
  fmt::print("{}\n", printable(text_at(member(diagnosis, "Resource"),
                                       options.journal.chinese ? "desc_zh" : "desc")));
  if (text_at(member(diagnosis, "Attributes"), "machine_id") != machine_id()) {
    fmt::print("  The KPI is on another machine: run gala remedy there.\n");
    return options.apply ? exit_failure : exit_ok;
  }
  bool any = false;
  for (const Offer& offer : offers_of(diagnosis, options.journal.chinese)) {
    if (!options.id.empty() && options.id != offer.id) {
      continue;
    }
    any = true;
    const Treatment treatment = treatment_of(offer);
    show(offer, treatment);
    if (options.apply && !treatment.changes.empty()) {
      return apply(context, options, diagnosis, treatment.changes);
    }
  }
  if (!any) {
    fmt::print("  The model knows no remedy for its causes.\n");
  }
  return options.apply ? exit_failure : exit_ok;
}

int run_remedy(const CommandContext& context, const RemedyOptions& options) {
  std::optional<Json> newest;
  const int code = walk_journal(context, options.journal, "diagnoses.jsonl", [&](const Json& line) {
    const bool asked = options.diagnosis.empty() || text_at(line, "event_id") == options.diagnosis;
    const std::vector<Offer> offers = offers_of(line, false);
    const bool any = std::any_of(offers.begin(), offers.end(), [&](const Offer& offer) {
      return options.id.empty() || offer.id == options.id;
    });
    if (asked && (any || !options.diagnosis.empty())) {
      newest = line;
    }
  });
  if (code != exit_ok) {
    return code;
  }
  if (!newest) {
    fmt::print("No diagnosis with {} remedy since {}.\n", options.id.empty() ? "a" : "that",
               options.journal.since);
    return options.apply ? exit_failure : exit_ok;
  }
  return treat(context, options, *newest);
}

}  // namespace

void add_remedy_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "remedy",
            .group = command_group::look,
            .about = "What to change about a diagnosed cause; --apply tries it and takes it back "
                     "when the KPI does not recover",
            .examples = "  gala remedy\n"
                        "  gala remedy --apply --within 30s\n"
                        "  gala remedy --apply --yes --id somaxconn\n"});
  RemedyOptions& options = context.keep<RemedyOptions>();
  add_moment(command, "--since", options.journal.since, "Diagnoses from this time on")
      ->capture_default_str();
  add_pipeline(command, options.journal.pipeline, PipelineArgument::positional,
               "the one whose journal is read")
      ->capture_default_str();
  command.add_flag("--chinese", options.journal.chinese, "Sentences in Chinese");
  command.add_option("--diagnosis", options.diagnosis, "Its event_id (default: the newest)");
  command.add_option("--id", options.id, "Only this remedy");
  command.add_flag("--apply", options.apply, "Change the value after asking");
  command.add_flag("--yes", options.yes, "Do not ask");
  command.add_option("--within", options.within, "The KPI must recover in that time")
      ->capture_default_str();
  context.on_run(command, [&context, &options] { return run_remedy(context, options); });
}

}  // namespace gala
