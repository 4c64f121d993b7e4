// What every stage's main does: options, configuration with all errors at once, then the loop.
#include "runtime/model/stage_main.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "runtime/core/describe.h"
#include "runtime/core/exit_code.h"
#include "runtime/core/graph.h"
#include "runtime/core/loop.h"
#include "runtime/model/model.h"
#include "runtime/model/stage_setup.h"

namespace gala::detail {
namespace {

constexpr double most_tick_delay_of_period = 0.5;

/// How far this stage is from the sources: data of a window reaches it later.
std::size_t depth_of(const Pipeline& pipeline, const std::string& stage) {
  std::map<std::string, std::size_t> depths;
  for (const StageNode* node : topological_order(pipeline)) {
    std::size_t depth = 0;
    for (const Edge& edge : node->from) {
      depth = std::max(depth, depths[edge.from] + 1);
    }
    depths[node->name] = depth;
  }
  return depths[stage];
}

LoopOptions loop_options(const StageOptions& options, const StageSetup& setup,
                         const StageType& type, StageContext context) {
  const Pipeline& pipeline = *setup.pipeline;
  Links::Options links;
  links.run_directory = options.run_directory + "/" + pipeline.name;
  links.stage = options.stage;
  links.in = setup.node->from;
  for (const Edge* edge : pipeline.edges_from(options.stage)) {
    links.out.push_back(*edge);
  }
  for (const PortDescription& port : type.description.outputs) {
    links.ports.push_back(port.name);
  }
  const double steps = static_cast<double>(depth_of(pipeline, options.stage)) * 0.05;
  const auto offset = std::chrono::duration_cast<Duration>(
      pipeline.period * std::min(steps, most_tick_delay_of_period));
  std::string metrics;
  if (const Value* value = setup.node->section.find("metrics");
      value != nullptr && value->string() != nullptr) {
    metrics = *value->string();
  }
  return {std::move(context), type.description, std::move(links), offset, std::move(metrics)};
}

/// What the installed stages say of themselves: default ports are the producers' first ones, and
/// columns of sources teach facts.
void use_descriptions(const StageOptions& options, StageSetup& setup, StageContext& context) {
  const auto stages = load_descriptions(options.share_directory);
  if (!stages) {
    setup.diagnostics.error({options.share_directory, 0, 0}, stages.error().what);
    return;
  }
  for (const StageDescriptionFile& stage : *stages) {
    context.teaches.merge(teachings_of(stage.records));
  }
  check_pipeline(*setup.pipeline, catalog_of(*stages), setup.diagnostics);
  check_endpoints(*setup.pipeline, options.run_directory + "/" + setup.pipeline->name,
                  setup.diagnostics);
}

void start_logging(const std::string& stage, const std::string& level) {
  auto logger = spdlog::stderr_logger_st(stage.empty() ? "gala" : stage);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l stage=%n %v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

Result<> make_directories(const LoopOptions& options) {
  for (const std::string& directory :
       {options.links.run_directory, options.context.state_directory}) {
    std::error_code failed;
    const bool made = std::filesystem::create_directories(directory, failed);
    if (failed) {
      return fail(directory + ": cannot be made (" + failed.message() +
                  "); run as root, or give --run-dir and --state-dir that you may write to");
    }
    if (made) {
      std::filesystem::permissions(directory, std::filesystem::perms{0750}, failed);
    }
  }
  return {};
}

int run(const StageOptions& options, const StageType& type) {
  StageSetup setup = read_setup(options, type.description.name);
  StageContext context = context_of(options, setup);
  if (setup.node != nullptr) {
    type.check(setup.node->section, context, setup.diagnostics);
  }
  if (options.check) {
    fmt::print("{}\n", diagnostics_json(setup.diagnostics));
    return setup.diagnostics.has_errors() ? exit_bad_input : 0;
  }
  if (setup.node != nullptr) {
    use_descriptions(options, setup, context);
    setup.node = setup.pipeline->find(options.stage);
  }
  if (setup.diagnostics.has_errors()) {
    fmt::print(stderr, "{}", setup.diagnostics.render(setup.sources));
    return exit_bad_input;
  }
  const LoopOptions loop = loop_options(options, setup, type, context);
  const auto stage = type.make(setup.node->section, loop.context);
  if (!options.replay.empty()) {
    return replay_offline(*stage, loop, options.replay, options.output);
  }
  if (const auto made = make_directories(loop); !made) {
    spdlog::error("{}", made.error().what);
    return 1;
  }
  return run_loop(*stage, loop);
}

/// Our code throws nothing; a library that does ends this process, and a supervisor restarts it.
template <class Body>
int guarded(const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    spdlog::critical("ended by an unexpected error: {}", error.what());
    return 1;
  }
}

}  // namespace

int run_stage(int argc, char** argv, const StageType& type, std::span<const OfflineMode> modes) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  const auto mode = std::ranges::find(modes, first, &OfflineMode::name);
  if (mode != modes.end()) {
    start_logging(type.description.name, "info");
    return guarded([&] { return mode->run(argc - 1, argv + 1); });
  }
  const ParsedOptions parsed = parse_stage_options(argc, argv, type.description, modes);
  if (!parsed.options) {
    return parsed.exit_code;
  }
  const StageOptions& options = *parsed.options;
  if (!options.describe.empty()) {
    fmt::print("{}\n", options.describe == "json" ? describe_json(type, options.share_directory)
                                                  : describe_text(type, options.share_directory));
    return 0;
  }
  start_logging(options.stage, options.log_level);
  return guarded([&] { return run(options, type); });
}

}  // namespace gala::detail
