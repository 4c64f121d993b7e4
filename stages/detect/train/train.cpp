// Feeds history to the class of the stage, which learns it, and keeps its memory.
#include "stages/detect/train/train.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "runtime/core/exit_code.h"
#include "runtime/core/moment.h"
#include "runtime/core/recording.h"
#include "runtime/core/stage_memory.h"
#include "runtime/core/wire.h"
#include "runtime/model/stage_setup.h"
#include "stages/detect/detect.h"
#include "stages/detect/train/prometheus.h"

namespace gala::detect {
namespace {

struct TrainOptions {
  std::vector<std::string> recordings;
  PrometheusRange prometheus;
  std::string output;
};

/// Takes history and counts it.
class Trainer {
 public:
  explicit Trainer(Detect& detect) : detect_(detect) { detect_.trust(true); }

  void take(const std::vector<std::uint8_t>& observations) {
    detect_.on(*flatbuffers::GetRoot<wire::Observations>(observations.data()), Envelope{}, out_);
    ++messages_;
  }

  Result<> take_recording(const std::string& path) {
    RecordingReader reader = TRY(RecordingReader::open(path));
    while (const auto message = reader.next()) {
      const auto frame = open_frame(message->topic, message->header, message->payload);
      if (frame && frame->envelope.type == wire::MessageType::observations) {
        detect_.on(*flatbuffers::GetRoot<wire::Observations>(frame->payload.data()),
                   frame->envelope, out_);
        ++messages_;
      }
    }
    return {};
  }

  [[nodiscard]] std::uint64_t messages() const { return messages_; }

 private:
  Detect& detect_;
  Outbox out_;
  std::uint64_t messages_ = 0;
};

ExitResult<> learn(Trainer& trainer, const Model& model, const TrainOptions& options) {
  for (const std::string& path : options.recordings) {
    TRY(trainer.take_recording(path).map_error(as_bad_input));
  }
  if (!options.prometheus.address.empty()) {
    const auto take = [&](const std::vector<std::uint8_t>& message) { trainer.take(message); };
    TRY(read_prometheus(options.prometheus, model, take).map_error(as_failure));
  }
  return {};
}

double entities_of(const Detect& detect) {
  SelfReport report;
  detect.report(report);
  for (const SelfReport::Gauge& gauge : report.gauges) {
    if (gauge.name == "entities") {
      return gauge.value;
    }
  }
  return 0;
}

/// Turns a moment in any of its forms into the number that the option keeps, or says what is wrong.
std::string to_unix_seconds(std::string& text) {
  const auto moment = parse_moment(text, current_instant().wall);
  if (!moment) {
    return moment.error().what;
  }
  text = fmt::format("{:.3f}", static_cast<double>(*moment) * 1e-3);
  return {};
}

int complain(const Failure& failure) {
  fmt::print(stderr, "gala-detect train: {}\n", failure.what);
  return failure.exit_code;
}

/// Opens the memory that the stage looks for; no running stage may hold it meanwhile.
Result<FileDescriptor> claim(const StageContext& context) {
  std::error_code error;
  std::filesystem::create_directories(context.state_directory, error);
  return claim_memory(memory_path(context.state_directory, context.stage));
}

/// Writes the models to where the stage looks for them.
int keep(const Detect& detect, const Trainer& trainer, const StageContext& context,
         const std::string& output) {
  const std::string path =
      output.empty() ? memory_path(context.state_directory, context.stage) : output;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (const auto written = write_memory(path, detect.save()); !written) {
    return complain(as_failure(written.error()));
  }
  fmt::print("{} models from {} messages in {}; stage {} takes them at its next start\n",
             entities_of(detect), trainer.messages(), path, context.stage);
  return 0;
}

int train(const StageOptions& stage, const TrainOptions& options) {
  StageSetup setup = read_setup(stage, Detect::describe().name);
  Detect::Config config;
  if (setup.node != nullptr) {
    config = read_config<Detect::Config>(setup.node->section, gala::detail::reserved_keys(),
                                         setup.diagnostics);
  }
  if (setup.diagnostics.has_errors()) {
    fmt::print(stderr, "{}", setup.diagnostics.render(setup.sources));
    return exit_bad_input;
  }
  const StageContext context = context_of(stage, setup);
  // Holds the lock before the long work and until the memory is written.
  Result<FileDescriptor> claimed;
  if (options.output.empty()) {
    claimed = claim(context);
    if (!claimed) {
      return complain(as_failure(claimed.error()));
    }
  }
  Detect detect(config, context);
  Trainer trainer(detect);
  if (const auto learned = learn(trainer, setup.model, options); !learned) {
    return complain(learned.error());
  }
  if (trainer.messages() == 0) {
    fmt::print(stderr,
               "gala-detect train: the history holds no observations, so nothing was written; "
               "record the output of an entity-assembler\n");
    return exit_bad_input;
  }
  return keep(detect, trainer, context, options.output);
}

void add_options(CLI::App& app, TrainOptions& options) {
  app.footer(
      "Examples:\n"
      "  gala tap assemble --record healthy.rec\n"
      "  gala train --recording healthy.rec\n"
      "  gala train --prometheus http://localhost:9090 --from 1700000000 --to 1700600000 "
      "--step 5\n"
      "Stop the pipeline before: a running stage would replace what train writes.");
  app.add_option("--recording", options.recordings, "Recordings of observations")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  PrometheusRange& range = options.prometheus;
  CLI::Option* address =
      app.add_option("--prometheus", range.address, "Address to read a range from")
          ->type_name("URL");
  range.to_s = static_cast<double>(current_instant().wall.ms()) * 1e-3;
  const auto add_time = [&](const std::string& flag, double& seconds, const std::string& about) {
    return app.add_option(flag, seconds, about + ": " + std::string(moment_forms))
        ->transform(CLI::Validator(to_unix_seconds, "TIME"))
        ->needs(address);
  };
  address->needs(add_time("--from", range.from_s, "Where the range begins"));
  add_time("--to", range.to_s, "Where it ends (default: now)");
  app.add_option("--step", range.step_s, "Seconds between values")
      ->needs(address)
      ->check(CLI::Range(1.0, 86'400.0))
      ->capture_default_str();
  app.add_option("--out", options.output, "Write there (default: where the stage looks)")
      ->type_name("FILE");
}

}  // namespace

int train_main(int argc, char** argv) {
  StageOptions stage;
  stage.pipeline = "single-host";
  TrainOptions options;
  CLI::App app("Warm the models of detect from history that is known to be healthy",
               "gala-detect train");
  add_setup_options(app, stage);
  add_options(app, options);
  if (const auto code = parse_mode(app, argc, argv)) {
    return *code;
  }
  return train(stage, options);
}

}  // namespace gala::detect
