// gala demo: a real fault in a real application, and what the pipeline says of it.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/demo/fault.h"
#include "runtime/cli/demo/session.h"
#include "runtime/core/document.h"

namespace gala {
namespace {

struct DemoOptions {
  demo::SessionOptions session;
  std::string duration;
  std::string settle;
  bool json = false;
};

std::string any_fault() {
  std::random_device random;
  const std::vector<std::string>& names = demo::fault_names();
  return names[random() % names.size()];
}

/// What is missing for a demonstration on this host, or nothing.
Result<> check_host() {
  if (::geteuid() != 0) {
    return fail("this needs root: it loads BPF programs and makes a fault; try `sudo gala demo`");
  }
  TRY(find_program("redis-server", "redis-server"));
  return {};
}

Result<> read_durations(DemoOptions& options) {
  for (const auto& [text, into] : {std::pair{&options.duration, &options.session.duration},
                                   std::pair{&options.settle, &options.session.settle}}) {
    if (text->empty()) {
      continue;
    }
    const auto duration = parse_duration(*text);
    if (!duration) {
      return fail("\"" + *text + "\" is no duration; write 45s or 2m");
    }
    *into = *duration;
  }
  return {};
}

int run_demo(const CommandContext& context, DemoOptions options) {
  if (const auto read = read_durations(options); !read) {
    fmt::print(stderr, "gala demo: {}\n", read.error().what);
    return exit_bad_input;
  }
  if (const auto able = check_host(); !able) {
    fmt::print(stderr, "gala demo: {}\n", able.error().what);
    return exit_failure;
  }
  if (options.session.fault.empty()) {
    options.session.fault = any_fault();
  }
  Interrupt interrupt;
  const auto outcome = demo::run_session(context, options.session, interrupt);
  if (!outcome) {
    fmt::print(stderr, "gala demo: {}\n", outcome.error().what);
    return exit_failure;
  }
  if (options.json) {
    fmt::print("{}\n", demo::outcome_json(*outcome));
  } else {
    fmt::print("\n{}\n", demo::outcome_sentence(*outcome));
  }
  return outcome->first_version ? exit_ok : exit_failure;
}

}  // namespace

void add_demo_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "demo",
            .group = command_group::run,
            .about = "Make a real fault in a real Redis, and watch the pipeline find it",
            .examples = "  gala demo                         a fault of its choice\n"
                        "  gala demo --fault disk\n"
                        "  gala demo --fault cpu --json | tail -n 1 | jq .\n"
                        "  gala demo --fault net --record /tmp/net   for replay tests\n"});
  DemoOptions& options = context.keep<DemoOptions>();
  command.add_option("--fault", options.session.fault, "Which one (default: any)")
      ->check(CLI::IsMember(demo::fault_names()));
  add_pipeline(command, options.session.pipeline, PipelineArgument::positional,
               "the one that watches")
      ->capture_default_str();
  command.add_option("--duration", options.duration, "The fault lasts at most that long (60s)");
  command.add_option("--settle", options.settle,
                     "Before the fault (default: what the model's baselines need)");
  command
      .add_option("--record", options.session.record_directory,
                  "Record there what leaves the sources")
      ->type_name("DIR");
  command.add_flag("--keep", options.session.keep, "Keep logs and journals");
  command.add_flag("--json", options.json, "The last line is the outcome as one JSON object");
  context.on_run(command, [&context, &options] { return run_demo(context, options); });
}

}  // namespace gala
