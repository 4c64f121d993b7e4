// gala topology: which entities there were at a time, how they hung together, what changed.
#include <fmt/format.h>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/journal.h"
#include "runtime/cli/topology_state.h"
#include "runtime/cli/topology_view.h"
#include "runtime/core/moment.h"

namespace gala {
namespace {

struct TopologyOptions {
  std::string pipeline = "single-host";
  std::string from;
  std::string at = "now";
  std::string since;
  std::string entity;
  int depth = 2;
  std::string format = "text";
};

/// `at` and `since` as Unix milliseconds.
struct Times {
  std::int64_t at_ms = 0;
  std::int64_t since_ms = 0;
};

ExitResult<Times> read_times(const TopologyOptions& options) {
  const WallTime now = current_instant().wall;
  Times times;
  times.at_ms = TRY(parse_moment(options.at, now).map_error(as_bad_input));
  if (!options.since.empty()) {
    times.since_ms = TRY(parse_moment(options.since, now).map_error(as_bad_input));
  }
  return times;
}

/// What was there at `at_ms`, which the user wrote as `moment`.
ExitResult<TopologyMoment> moment_at(const std::string& path, std::int64_t at_ms,
                                     const std::string& moment) {
  TopologyMoment found = TRY(topology_at(path, at_ms).map_error(as_failure));
  if (!found.replica.complete()) {
    return tl::unexpected(
        as_failure({"the history has a gap at " + moment + "; the next snapshot closes it"}));
  }
  return found;
}

/// Cut to what is asked for.
ExitResult<TopologyPart> part_of(const TopologyMoment& moment, const TopologyOptions& options) {
  TopologyPart all = everything(moment);
  if (options.entity.empty()) {
    return all;
  }
  return around(moment, TRY(find_entity(all, options.entity).map_error(as_bad_input)),
                options.depth);
}

ExitResult<> show(const CommandContext& context, const TopologyOptions& options) {
  const Times times = TRY(read_times(options));
  const std::string path = options.from.empty()
                               ? context.state_directory + "/" +
                                     name_pipeline(context, options.pipeline).name + "/topology.rec"
                               : options.from;
  const TopologyMoment now = TRY(moment_at(path, times.at_ms, options.at));
  const TopologyPart part = TRY(part_of(now, options));
  if (!options.since.empty()) {
    const TopologyMoment earlier = TRY(moment_at(path, times.since_ms, options.since));
    const TopologyPart before = TRY(part_of(earlier, options));
    fmt::print("{}",
               options.format == "json" ? changes_json(before, part) : changes_text(before, part));
    return {};
  }
  if (options.format == "json") {
    fmt::print("{}\n", topology_json(part));
  } else if (options.format == "dot") {
    fmt::print("{}", topology_dot(part));
  } else {
    fmt::print("{}", options.entity.empty() ? summary_text(part) : relations_text(part));
  }
  return {};
}

}  // namespace

void add_topology_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "topology",
            .group = command_group::look,
            .about = "Which entities there are or were, how they hang together, what changed",
            .examples = "  gala topology\n"
                        "  gala topology --at 11:40 --entity redis-server --depth 2\n"
                        "  gala topology --since 10m\n"
                        "  gala topology --entity m1_sli_42_6379 --dot | dot -Tsvg > it.svg\n"
                        "  gala topology --from topology.rec --at 2026-11-22T11:40 --json\n"});
  TopologyOptions& options = context.keep<TopologyOptions>();
  add_moment(command, "--at", options.at, "What there was then")->capture_default_str();
  add_moment(command, "--since", options.since, "What changed between this time and --at");
  command
      .add_option("--entity", options.entity,
                  "Only what is near this entity: its id, or a name in its labels")
      ->type_name("ENTITY");
  command.add_option("--depth", options.depth, "Relations between it and what is shown")
      ->check(CLI::Range(0, 16))
      ->capture_default_str();
  command.add_option("--from", options.from, "A recording of a topology port")->type_name("FILE");
  add_pipeline(command, options.pipeline, PipelineArgument::positional,
               "the one whose history is read")
      ->capture_default_str();
  command.add_flag_callback(
      "--json", [&options] { options.format = "json"; }, "As one JSON object");
  command.add_flag_callback("--dot", [&options] { options.format = "dot"; }, "For Graphviz");
  context.on_run(command, [&context, &options] {
    const auto done = show(context, options);
    if (!done) {
      fmt::print(stderr, "gala topology: {}\n", done.error().what);
      return done.error().exit_code;
    }
    return exit_ok;
  });
}

}  // namespace gala
