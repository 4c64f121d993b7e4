// gala train: warms the models of detect from history.
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "runtime/cli/command.h"
#include "runtime/cli/prometheus.h"
#include "runtime/cli/workspace.h"
#include "runtime/core/recording.h"
#include "runtime/core/stage_memory.h"
#include "runtime/core/wire.h"
#include "stages/detect/detect.h"

namespace gala {
using namespace detect;
namespace {

struct TrainOptions {
  std::string pipeline = "single-host";
  std::vector<std::string> recordings;
  std::string prometheus;
  double from_s = 0;
  double to_s = 0;
  double step_s = 5;
  std::string output;
};

/// The stage of the pipeline that is to be warmed.
const StageNode* detect_of(const Pipeline& pipeline) {
  for (const StageNode& stage : pipeline.stages) {
    if (stage.run == "detect") {
      return &stage;
    }
  }
  return nullptr;
}

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

Result<> learn(Trainer& trainer, const Model& model, const TrainOptions& options) {
  for (const std::string& path : options.recordings) {
    TRY(trainer.take_recording(path));
  }
  if (!options.prometheus.empty()) {
    const PrometheusRange range{options.prometheus, options.from_s, options.to_s, options.step_s};
    TRY(read_prometheus(range, model, [&](const auto& message) { trainer.take(message); }));
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

int complain(const Error& error) {
  fmt::print(stderr, "gala train: {}\n", error.what);
  return exit_failure;
}

int train(const CommandContext& context, const TrainOptions& options) {
  const std::vector<std::string> files{options.pipeline};
  Workspace workspace = load_workspace(context, files, true);
  if (workspace.diagnostics.has_errors() || workspace.pipelines.empty()) {
    print_findings(workspace);
    return exit_bad_input;
  }
  const Pipeline& pipeline = workspace.pipelines.front();
  const StageNode* stage = detect_of(pipeline);
  if (stage == nullptr) {
    fmt::print(stderr, "gala train: pipeline {} has no stage that runs detect\n", pipeline.name);
    return exit_bad_input;
  }
  workspace.model.apply_override(pipeline.override_table, workspace.diagnostics);
  const std::string directory = context.state_directory + "/" + pipeline.name;
  const StageContext stage_context{workspace.model, "",        pipeline.name,          stage->name,
                                   pipeline.period, directory, context.share_directory};
  Diagnostics ignored;
  Detect detect(read_config<Detect::Config>(stage->section, detail::reserved_keys(), ignored),
                stage_context);
  Trainer trainer(detect);
  if (const auto learned = learn(trainer, workspace.model, options); !learned) {
    return complain(learned.error());
  }
  if (trainer.messages() == 0) {
    fmt::print(stderr, "gala train: the history holds no observations, so nothing was written\n");
    return exit_bad_input;
  }
  const std::string path =
      options.output.empty() ? memory_path(directory, stage->name) : options.output;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (const auto written = write_memory(path, detect.save()); !written) {
    return complain(written.error());
  }
  fmt::print("{} models from {} messages in {}; stage {} takes them at its next start\n",
             entities_of(detect), trainer.messages(), path, stage->name);
  return exit_ok;
}

}  // namespace

void add_train_command(CLI::App& app, CommandContext& context) {
  CLI::App& command = context.add(
      app, {.name = "train",
            .group = command_group::run,
            .about = "Warm the models of detect from history that is known to be healthy",
            .examples = "  gala tap assemble --record healthy.rec\n"
                        "  gala train --recording healthy.rec\n"
                        "  gala train --prometheus http://localhost:9090 --from 1700000000 "
                        "--to 1700600000 --step 5\n"});
  TrainOptions& options = context.keep<TrainOptions>();
  command.add_option("pipeline", options.pipeline, "Whose stage is warmed")
      ->type_name("PIPELINE")
      ->capture_default_str();
  command.add_option("--recording", options.recordings, "Recordings of observations")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  CLI::Option* address =
      command.add_option("--prometheus", options.prometheus, "Address to read a range from")
          ->type_name("URL");
  command.add_option("--from", options.from_s, "Unix seconds")->needs(address);
  command.add_option("--to", options.to_s, "Unix seconds")->needs(address);
  command.add_option("--step", options.step_s, "Seconds between values")
      ->needs(address)
      ->check(CLI::Range(1.0, 86'400.0))
      ->capture_default_str();
  command.add_option("--out", options.output, "Write there (default: where the stage looks)")
      ->type_name("FILE");
  context.on_run(command, [&context, &options] { return train(context, options); });
}

}  // namespace gala
