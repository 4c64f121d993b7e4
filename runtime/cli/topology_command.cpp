// gala topology: which entities there were at a time, how they hung together, what changed.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/cli/command.h"
#include "runtime/cli/journal.h"
#include "runtime/cli/running.h"
#include "runtime/cli/topology_state.h"
#include "runtime/cli/topology_view.h"

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

/// What was there at a moment, cut to what is asked for.
Result<TopologyState> state_at(const std::string& path, const std::string& moment,
                               const TopologyOptions& options) {
  const std::int64_t at_ms = TRY(parse_moment(moment, current_instant().wall));
  HistoryRange range;
  TopologyState state = TRY(topology_at(path, at_ms, range));
  if (!state.complete) {
    return fail("the history has a gap at " + moment + "; the next snapshot closes it");
  }
  if (options.entity.empty()) {
    return state;
  }
  const auto match = TRY(find_entity(state, options.entity));
  return state.around(match, options.depth);
}

Result<> show(const CommandContext& context, const TopologyOptions& options) {
  const std::string path =
      options.from.empty()
          ? context.state_directory + "/" + pipeline_name(options.pipeline) + "/topology.rec"
          : options.from;
  const TopologyState now = TRY(state_at(path, options.at, options));
  if (!options.since.empty()) {
    const TopologyState before = TRY(state_at(path, options.since, options));
    fmt::print("{}",
               options.format == "json" ? changes_json(before, now) : changes_text(before, now));
    return {};
  }
  if (options.format == "json") {
    fmt::print("{}\n", topology_json(now));
  } else if (options.format == "dot") {
    fmt::print("{}", topology_dot(now));
  } else {
    fmt::print("{}", options.entity.empty() ? summary_text(now) : relations_text(now));
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
  command.add_option("--at", options.at, "now, 10m (that long ago), 11:40, 2026-11-22 11:40")
      ->type_name("TIME")
      ->capture_default_str();
  command.add_option("--since", options.since, "Show what changed between this time and --at")
      ->type_name("TIME");
  command
      .add_option("--entity", options.entity,
                  "Only what is near this entity: its id, or a name in its labels")
      ->type_name("TEXT");
  command.add_option("--depth", options.depth, "Relations between it and what is shown")
      ->check(CLI::Range(0, 16))
      ->capture_default_str();
  command.add_option("--from", options.from, "A recording of a topology port")->type_name("FILE");
  command.add_option("--pipeline", options.pipeline, "Whose history")
      ->type_name("PIPELINE")
      ->capture_default_str();
  command.add_flag_callback(
      "--json", [&options] { options.format = "json"; }, "As one JSON object");
  command.add_flag_callback("--dot", [&options] { options.format = "dot"; }, "For Graphviz");
  context.on_run(command, [&context, &options] {
    if (const auto done = show(context, options); !done) {
      fmt::print(stderr, "gala: {}\n", done.error().what);
      return exit_failure;
    }
    return exit_ok;
  });
}

}  // namespace gala
