// gala tap: what leaves a stage, as JSON lines or as a recording.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/cli/arguments.h"
#include "runtime/cli/command.h"
#include "runtime/cli/filter.h"
#include "runtime/cli/process.h"
#include "runtime/cli/running.h"
#include "runtime/cli/subscription.h"
#include "runtime/cli/tap_view.h"
#include "runtime/core/recording.h"
#include "runtime/text/json_parts.h"
#include "runtime/text/terminal.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

struct TapOptions {
  std::string stage;
  std::string where;
  std::string record;
  std::string topic;
  std::uint64_t count = 0;
  double rate = 0;
  std::string pipeline;
};

/// At most so many lines a second; the others are left out and counted.
class Pace {
 public:
  explicit Pace(double per_s) : per_s_(per_s), credit_(per_s) {}

  bool allows(BootTime now) {
    if (per_s_ <= 0) {
      return true;
    }
    const double passed = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    credit_ = std::min(credit_ + passed * per_s_, std::max(per_s_, 1.0));
    if (credit_ < 1) {
      ++left_out_;
      return false;
    }
    credit_ -= 1;
    return true;
  }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  double per_s_;
  double credit_;
  BootTime last_ = current_instant().boot;
  std::uint64_t left_out_ = 0;
};

class Tap {
 public:
  Tap(Reflection reflection, const TapOptions& options)
      : reflection_(std::move(reflection)), pace_(options.rate) {
    left_ = options.count > 0 ? options.count : std::numeric_limits<std::uint64_t>::max();
  }

  Result<> set_up(const TapOptions& options) {
    if (!options.where.empty()) {
      filter_.emplace(TRY(Filter::parse(options.where)));
    }
    if (!options.record.empty()) {
      recording_.emplace(TRY(RecordingWriter::create(options.record)));
    }
    return {};
  }

  /// False once enough was seen.
  bool take(const ReceivedMessage& message) {
    const auto frame = open_frame(message.topic, message.header, message.payload);
    if (!frame) {
      fmt::print(stderr, "gala tap: a message was refused: {}\n", frame.error().what);
      return true;
    }
    const auto lines = tap_lines(reflection_, *frame);
    if (!lines) {
      fmt::print(stderr, "gala tap: {}\n", lines.error().what);
      return true;
    }
    bool wanted = !filter_;
    for (const nlohmann::ordered_json& line : *lines) {
      if (filter_ && !filter_->matches(line)) {
        continue;
      }
      wanted = true;
      if (!recording_ && left_ > 0 && pace_.allows(current_instant().boot)) {
        const std::string text = dump(line);
        fmt::print("{}\n", on_terminal_ ? printable_json(text) : text);
        --left_;
      }
    }
    if (recording_ && wanted && left_ > 0) {
      recording_->append({message.topic, message.header, message.payload});
      --left_;
    }
    return left_ > 0;
  }

  int finish(const std::string& file) {
    if (pace_.left_out() > 0) {
      fmt::print(stderr, "gala tap: {} lines left out by --rate\n", pace_.left_out());
    }
    if (!recording_) {
      return exit_ok;
    }
    recording_->flush();
    fmt::print(stderr, "gala tap: {} messages in {}\n", recording_->written(), file);
    if (recording_->lost() > 0) {
      fmt::print(stderr, "gala tap: {} messages could not be written: {}\n", recording_->lost(),
                 recording_->complaint());
      return exit_failure;
    }
    return exit_ok;
  }

 private:
  Reflection reflection_;
  Pace pace_;
  std::optional<Filter> filter_;
  std::optional<RecordingWriter> recording_;
  std::uint64_t left_;
  bool on_terminal_ = ::isatty(STDOUT_FILENO) != 0;
};

ExitResult<Subscription> subscribe(const CommandContext& context, const TapOptions& options) {
  const std::string name = name_pipeline(context, options.pipeline).name;
  const RunningPipeline pipeline =
      TRY(find_running(context.run_directory, name).map_error(as_failure));
  std::vector<std::string> endpoints;
  for (const TapPort& port : TRY(select_taps(pipeline, options.stage).map_error(as_bad_input))) {
    endpoints.push_back(port.endpoint);
  }
  std::vector<std::string> topics;
  if (!options.topic.empty()) {
    topics.push_back(options.topic);
  }
  return Subscription::open(endpoints, topics).map_error(as_failure);
}

int fail_with(const Failure& failure) {
  fmt::print(stderr, "gala tap: {}\n", failure.what);
  return failure.exit_code;
}

int tap(const CommandContext& context, const TapOptions& options) {
  auto reflection = Reflection::load(context.share_directory + "/wire");
  if (!reflection) {
    return fail_with(as_failure(reflection.error()));
  }
  Tap tap(std::move(*reflection), options);
  if (const auto ready = tap.set_up(options); !ready) {
    return fail_with(as_bad_input(ready.error()));
  }
  Interrupt interrupt;
  auto subscription = subscribe(context, options);
  if (!subscription) {
    return fail_with(subscription.error());
  }
  bool more = true;
  while (more && !interrupt.requested()) {
    const auto message = subscription->next(100ms);
    if (message) {
      more = tap.take(*message);
    } else {
      // Only when nothing waits: a fast edge is not slowed down by one write for each line.
      std::fflush(stdout);
    }
  }
  std::fflush(stdout);
  return tap.finish(options.record);
}

}  // namespace

void add_tap_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "tap",
            .group = command_group::look,
            .about = "What leaves a stage, as JSON lines; costs nothing while nobody listens",
            .examples =
                "  gala tap                                   everything of the running pipeline\n"
                "  gala tap assemble --where 'entity == \"sli\" and latency.p95 > 0.01'\n"
                "  gala tap kernel.records --record kernel.rec\n"
                "  gala tap assemble --topic observations/tcp_link --count 10 | jq .\n"});
  TapOptions& options = context.keep<TapOptions>();
  command.add_option("stage", options.stage, "STAGE or STAGE.PORT (default: all)")
      ->type_name("STAGE");
  command.add_option("--where", options.where,
                     "Only rows and messages like this: fields, == != < <= > >= ~, and, or, not");
  command.add_option("--topic", options.topic, "Only topics that begin so: observations/tcp_link");
  command.add_option("--record", options.record, "Write the messages there instead (for --replay)")
      ->type_name("FILE");
  command.add_option("--count", options.count, "End after so many lines, or recorded messages");
  command.add_option("--rate", options.rate, "At most so many lines a second");
  add_pipeline(command, options.pipeline, PipelineArgument::option,
               "the one to look into, when several run");
  context.on_run(command, [&context, &options] { return tap(context, options); });
}

}  // namespace gala
