// gala diagnoses: which thing made an application slow, from the journal.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "runtime/cli/arguments.h"
#include "runtime/cli/diagnosis_flame.h"
#include "runtime/cli/diagnosis_view.h"
#include "runtime/cli/journal.h"
#include "runtime/cli/journal_command.h"

namespace gala {
namespace {

struct DiagnosesOptions {
  JournalOptions journal;
  std::size_t causes = 3;
  std::size_t width = 100;
  std::string flame_directory;
};

/// Versions of a diagnosis; the last one counts.
struct Shown {
  std::string id;
  std::string text;
  std::vector<ProfileWish> wishes;
};

/// Where the causes' processes spent their time, as far as the profiles of that time are kept.
std::string flame_lines(const CommandContext& context, const DiagnosesOptions& options,
                        const Shown& shown) {
  std::string lines;
  std::vector<FoundProfile> found(shown.wishes.size());
  JournalOptions range = options.journal;
  range.entity.clear();
  range.follow = false;
  range.since = "7d";
  range.until.clear();
  const std::string journal = context.state_directory + "/" +
                              name_pipeline(context, options.journal.pipeline).name +
                              "/profiles.jsonl";
  if (shown.wishes.empty() || !JournalReader::open(journal)) {
    return lines;
  }
  walk_journal(context, range, "profiles.jsonl", [&](const nlohmann::json& line) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      add_profile(line, shown.wishes[i], found[i]);
    }
  });
  for (std::size_t i = 0; i < found.size(); ++i) {
    const ProfileWish& wish = shown.wishes[i];
    if (found[i].graph.samples() == 0) {
      continue;
    }
    lines += fmt::format("  flame {}.  {}\n            most in {}\n", wish.rank,
                         flame_command(wish, options.journal.pipeline), found[i].graph.hottest());
    if (!options.flame_directory.empty()) {
      const std::string path =
          fmt::format("{}/{}-{}.svg", options.flame_directory, shown.id, wish.rank);
      std::error_code failed;  // Then the file does not open, which is said.
      std::filesystem::create_directories(options.flame_directory, failed);
      std::ofstream file(path);
      file << found[i].graph.svg(found[i].labels);
      lines +=
          fmt::format("            {}{}\n", file.flush() ? "drawn in " : "cannot write ", path);
    }
  }
  return lines;
}

int show_diagnoses(const CommandContext& context, const DiagnosesOptions& options) {
  const DiagnosisStyle style{.width = options.width,
                             .color = ::isatty(STDOUT_FILENO) != 0,
                             .chinese = options.journal.chinese,
                             .causes = options.causes};
  std::vector<std::string> order;
  std::map<std::string, Shown> newest;
  const int code =
      walk_journal(context, options.journal, "diagnoses.jsonl", [&](const nlohmann::json& line) {
        const auto id = line.find("event_id");
        const std::string key = id != line.end() && id->is_string() ? id->get<std::string>() : "";
        const Shown shown{key, diagnosis_text(line, style), profile_wishes(line, options.causes)};
        if (options.journal.follow) {
          // While following, each version is news.
          fmt::print("{}{}\n", shown.text, flame_lines(context, options, shown));
          return;
        }
        if (!newest.contains(key)) {
          order.push_back(key);
        }
        newest[key] = shown;
      });
  for (const std::string& key : order) {
    fmt::print("{}{}\n", newest[key].text, flame_lines(context, options, newest[key]));
  }
  return code;
}

}  // namespace

void add_diagnoses_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app,
      {.name = "diagnoses",
       .group = command_group::look,
       .about = "What made an application slow: causes, path and evidence, from the journal",
       .examples = "  gala diagnoses --since 10m\n"
                   "  gala diagnoses --follow\n"
                   "  gala diagnoses --since 10m --flame /tmp   draws where its processes ran\n"
                   "  gala diagnoses --json | jq '.Resource.cause_metrics[0].desc'\n"});
  DiagnosesOptions& options = context.keep<DiagnosesOptions>();
  add_journal_options(command, options.journal);
  command.add_option("--causes", options.causes, "How many causes of each")->capture_default_str();
  command
      .add_option("--flame", options.flame_directory,
                  "Draw flame graphs of the causes' processes there; made where it is missing")
      ->type_name("DIR");
  command.add_option("--width", options.width, "Columns")
      ->check(CLI::Range(40, 400))
      ->capture_default_str();
  context.on_run(command, [&context, &options] { return show_diagnoses(context, options); });
}

}  // namespace gala
