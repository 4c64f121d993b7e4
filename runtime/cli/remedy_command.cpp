// gala remedy: what can be done about a diagnosed cause; done only when a person says so.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "runtime/cli/journal.h"
#include "runtime/cli/journal_command.h"
#include "runtime/cli/remedy/remedy_trial.h"
#include "runtime/document.h"
#include "runtime/machine.h"

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

/// A remedy of a diagnosis and what it would change here.
struct Offer {
  std::string id;
  std::string desc;
  std::string target;
  std::string propose;
  double most = 0;
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

/// Offers of the causes, best cause first.
std::vector<Offer> offers_of(const Json& diagnosis, bool chinese) {
  std::vector<Offer> offers;
  for (const Json& cause : member(member(diagnosis, "Resource"), "cause_metrics")) {
    for (const Json& remedy : member(cause, "remedies")) {
      const Json& most = member(remedy, "most");
      offers.push_back({text_at(remedy, "id"), text_at(remedy, chinese ? "desc_zh" : "desc"),
                        text_at(remedy, "target"), text_at(remedy, "propose"),
                        most.is_number() ? most.get<double>() : 0});
    }
  }
  return offers;
}

/// Events of the incident that are still open.
class KpiWatch {
 public:
  static Result<KpiWatch> start(const std::string& path, const Json& diagnosis) {
    KpiWatch watch(TRY(JournalReader::open(path)));
    for (const Json& kpi : member(member(diagnosis, "Resource"), "affected_kpis")) {
      watch.open_.insert(text_at(kpi, "event_id"));
    }
    if (watch.open_.empty()) {
      watch.open_.insert(text_at(diagnosis, "event_id"));
    }
    return watch;
  }

  /// True when each of the KPIs is normal again.
  bool recovered() {
    while (const auto line = reader_.next()) {
      const Json event = Json::parse(*line, nullptr, false);
      const Json& anomaly = member(event, "is_anomaly");
      if (anomaly.is_boolean() && !anomaly.get<bool>()) {
        open_.erase(text_at(event, "event_id"));
      }
    }
    return open_.empty();
  }

 private:
  explicit KpiWatch(JournalReader reader) : reader_(std::move(reader)) {}

  JournalReader reader_;
  std::set<std::string> open_;
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

int apply(const CommandContext& context, const RemedyOptions& options, const Json& diagnosis,
          const Setting& setting, const std::string& before, const std::string& after) {
  const auto within = parse_duration(options.within);
  if (!within) {
    fmt::print(stderr, "gala remedy: \"{}\" is no duration; write 30s or 2m\n", options.within);
    return exit_bad_input;
  }
  auto watch = KpiWatch::start(
      context.state_directory + "/" + options.journal.pipeline + "/events.jsonl", diagnosis);
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
  const auto stop = [](int) { interrupted = true; };
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  const auto begin = std::chrono::steady_clock::now();
  const auto end = try_remedy(
      {setting, before, after, [&] { return watch->recovered(); },
       [] {
         std::this_thread::sleep_for(std::chrono::milliseconds{200});
         return !interrupted.load();
       },
       [&] {
         return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
       },
       *within});
  if (!end) {
    fmt::print(stderr, "gala remedy: {}\n", end.error().what);
    return exit_failure;
  }
  if (*end == TrialEnd::helped) {
    fmt::print("The KPI recovered; {} stays {}. It is not written to any configuration file.\n",
               setting.where(), after);
    return exit_ok;
  }
  fmt::print("{}; {} is {} again.\n",
             *end == TrialEnd::stopped ? "Stopped" : "The KPI did not recover in time",
             setting.where(), before);
  return exit_failure;
}

/// Shows an offer; the new value when there is one to apply.
std::optional<std::string> show(const Offer& offer, const Setting& setting,
                                const std::string& before) {
  fmt::print("  {}\n    {}\n    now      {}\n", offer.id, offer.desc, before);
  fmt::print("    where    {}\n", setting.where());
  auto after = proposed_value(before, offer.propose, offer.most, setting.first_number_counts());
  fmt::print("    proposed {}\n", after ? *after : "nothing: it is so already, or has no limit");
  return after;
}

int treat(const CommandContext& context, const RemedyOptions& options, const Json& diagnosis) {
  fmt::print("{}\n",
             text_at(member(diagnosis, "Resource"), options.journal.chinese ? "desc_zh" : "desc"));
  if (text_at(member(diagnosis, "Attributes"), "machine_id") != machine_id()) {
    fmt::print("  The KPI is on another machine: run gala remedy there.\n");
    return options.apply ? exit_failure : exit_ok;
  }
  std::set<std::string> shown;
  for (const Offer& offer : offers_of(diagnosis, options.journal.chinese)) {
    const bool wanted = options.id.empty() || options.id == offer.id;
    if (!wanted || !shown.insert(offer.id + offer.target).second) {
      continue;
    }
    const auto setting = Setting::find(offer.target);
    const auto before = setting ? setting->read() : Result<std::string>(fail(setting.error().what));
    if (!before) {
      fmt::print("  {}: {}\n", offer.id, before.error().what);
      continue;
    }
    const auto after = show(offer, *setting, *before);
    if (options.apply && after) {
      return apply(context, options, diagnosis, *setting, *before, *after);
    }
  }
  if (shown.empty()) {
    fmt::print("  The model knows no remedy for its causes.\n");
  }
  return options.apply ? exit_failure : exit_ok;
}

int run_remedy(const CommandContext& context, const RemedyOptions& options) {
  std::optional<Json> newest;
  const int code = walk_journal(context, options.journal, "diagnoses.jsonl", [&](const Json& line) {
    const bool asked = options.diagnosis.empty() || text_at(line, "event_id") == options.diagnosis;
    const bool any = !offers_of(line, false).empty();
    if (asked && (any || !options.diagnosis.empty())) {
      newest = line;
    }
  });
  if (code != exit_ok) {
    return code;
  }
  if (!newest) {
    fmt::print("No diagnosis with a remedy since {} ago.\n", options.journal.since);
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
  command.add_option("--since", options.journal.since, "Look that far back")->capture_default_str();
  command.add_option("--pipeline", options.journal.pipeline, "Whose journal")
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
