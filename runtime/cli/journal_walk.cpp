// The walk over a journal: range, entity, follow.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/cli/arguments.h"
#include "runtime/cli/journal.h"
#include "runtime/cli/journal_command.h"
#include "runtime/cli/process.h"
#include "runtime/core/moment.h"
#include "runtime/text/terminal.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

/// Which lines are asked for.
struct Range {
  std::int64_t since_ms = 0;
  std::int64_t until_ms = std::numeric_limits<std::int64_t>::max();
  std::string entity;

  [[nodiscard]] bool holds(const nlohmann::json& line, const std::string& text) const {
    const auto time = line.find("Timestamp");
    if (time == line.end() || !time->is_number()) {
      return false;
    }
    const auto ms = time->get<std::int64_t>();
    return ms >= since_ms && ms <= until_ms &&
           (entity.empty() || text.find(entity) != std::string::npos);
  }
};

Result<Range> read_range(const JournalOptions& options) {
  const WallTime now = current_instant().wall;
  Range range;
  range.entity = options.entity;
  range.since_ms = TRY(parse_moment(options.since, now));
  if (!options.until.empty()) {
    range.until_ms = TRY(parse_moment(options.until, now));
  }
  return range;
}

}  // namespace

void add_journal_options(CLI::App& command, JournalOptions& options) {
  add_moment(command, "--since", options.since, "From this time on")->capture_default_str();
  add_moment(command, "--until", options.until, "Up to this time (default: no end)");
  command.add_option("--entity", options.entity, "Only lines that contain this id or name")
      ->type_name("ENTITY");
  add_pipeline(command, options.pipeline, PipelineArgument::positional,
               "the one whose journal is read")
      ->capture_default_str();
  command.add_flag("--json", options.json, "The lines as they are in the file");
  command.add_flag("--follow,-f", options.follow, "Go on with what comes");
  command.add_flag("--chinese", options.chinese, "Sentences in Chinese");
}

int walk_journal(const CommandContext& context, const JournalOptions& options,
                 const std::string& file, const ShowLine& show) {
  const auto range = read_range(options);
  if (!range) {
    fmt::print(stderr, "gala: {}\n", range.error().what);
    return exit_bad_input;
  }
  const std::string path =
      context.state_directory + "/" + name_pipeline(context, options.pipeline).name + "/" + file;
  auto reader = JournalReader::open(path);
  if (!reader) {
    fmt::print(stderr, "gala: {}\n", reader.error().what);
    return exit_failure;
  }
  const bool on_terminal = ::isatty(STDOUT_FILENO) != 0;
  Interrupt interrupt;
  for (;;) {
    while (const auto text = reader->next()) {
      const auto line = nlohmann::json::parse(*text, nullptr, false);
      if (!line.is_object() || !range->holds(line, *text)) {
        continue;
      }
      if (options.json) {
        fmt::print("{}\n", on_terminal ? printable_json(*text) : *text);
      } else {
        show(line);
      }
    }
    std::fflush(stdout);
    if (!options.follow || interrupt.wait(200ms)) {
      return exit_ok;
    }
  }
}

}  // namespace gala
