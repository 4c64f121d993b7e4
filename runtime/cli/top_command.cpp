// gala top: the stages of a running pipeline, live.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/process.h"
#include "runtime/cli/running.h"
#include "runtime/cli/status.h"
#include "runtime/cli/top_view.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

struct TopOptions {
  std::string pipeline;
  bool once = false;
  bool json = false;
};

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// Two statuses of every stage, or what came in time.
Statuses first_statuses(StatusReader& reader, std::size_t stages) {
  reader.collect(1500ms, [&] { return reader.newest().size() == stages; });
  return reader.newest();
}

class Screen {
 public:
  explicit Screen(bool live) : live_(live) {}

  void show(const std::string& text) const {
    // Home, the text with each line cleared behind it, then everything below: no flicker.
    if (!live_) {
      fmt::print("{}", text);
      return;
    }
    std::string cleared = "\033[H";
    for (const char character : text) {
      cleared += character == '\n' ? "\033[K\n" : std::string(1, character);
    }
    fmt::print("{}\033[J", cleared);
    std::fflush(stdout);
  }

 private:
  bool live_;
};

int top(const CommandContext& context, const TopOptions& options) {
  const auto pipeline =
      find_running(context.run_directory, name_pipeline(context, options.pipeline).name);
  if (!pipeline) {
    fmt::print(stderr, "gala top: {}\n", pipeline.error().what);
    return exit_failure;
  }
  Interrupt interrupt;
  auto reader = StatusReader::open(*pipeline);
  if (!reader) {
    fmt::print(stderr, "gala top: {}\n", reader.error().what);
    return exit_failure;
  }
  const bool live = !options.once && !options.json && ::isatty(STDOUT_FILENO) != 0;
  const Screen screen(live);
  Statuses earlier = first_statuses(*reader, pipeline->stages.size());
  while (!interrupt.requested()) {
    reader->collect(1050ms);
    const auto loads = stage_loads(earlier, reader->newest(), current_instant().boot.ns());
    screen.show(options.json ? top_json(pipeline->name, loads) + "\n"
                             : top_text(pipeline->name, loads, terminal_width()));
    if (options.once) {
      break;
    }
    earlier = reader->newest();
  }
  if (reader->newest().empty()) {
    fmt::print(stderr, "gala top: no stage of {} says anything; start it with gala run\n",
               pipeline->name);
    return exit_failure;
  }
  return exit_ok;
}

}  // namespace

void add_top_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "top",
            .group = command_group::look,
            .about = "Live: each stage's rate, lag, queue, losses, CPU, memory and health",
            .examples = "  gala top\n"
                        "  gala top single-host --once\n"
                        "  gala top --once --json | jq '.stages[] | {stage, cores}'\n"});
  TopOptions& options = context.keep<TopOptions>();
  add_pipeline(command, options.pipeline, PipelineArgument::positional,
               "the one to watch, when several run");
  command.add_flag("--once", options.once, "Print one picture and exit");
  command.add_flag("--json", options.json, "One JSON object a second");
  context.on_run(command, [&context, &options] { return top(context, options); });
}

}  // namespace gala
