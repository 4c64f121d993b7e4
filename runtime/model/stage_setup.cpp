// Reads a pipeline, its stage's section and the model.
#include "runtime/model/stage_setup.h"

#include <fmt/format.h>

#include "runtime/core/machine.h"
#include "runtime/core/read_file.h"

namespace gala {
namespace {

/// Names of the stages that run `program`, or of all when that is empty.
std::vector<std::string> stage_names(const Pipeline& pipeline, std::string_view program) {
  std::vector<std::string> names;
  for (const StageNode& stage : pipeline.stages) {
    if (program.empty() || stage.run == program) {
      names.push_back(stage.name);
    }
  }
  return names;
}

/// Sets `chosen`. Returns what is wrong with the choice of the stage, "" = nothing.
std::string choose_stage(const std::string& stage, std::string_view program,
                         const Pipeline& pipeline, const StageNode*& chosen) {
  if (!stage.empty()) {
    const StageNode* node = pipeline.find(stage);
    if (node == nullptr) {
      return fmt::format("has no [stages.{}]{}", stage,
                         did_you_mean(stage, stage_names(pipeline, "")));
    }
    if (node->run != program) {
      return fmt::format("[stages.{}] runs {}, not {}; choose a stage that runs {} by --stage",
                         stage, node->run, program, program);
    }
    chosen = node;
    return "";
  }
  const std::vector<std::string> names = stage_names(pipeline, program);
  if (names.empty()) {
    return fmt::format("has no stage that runs {}; choose a pipeline that has one", program);
  }
  if (names.size() > 1) {
    return fmt::format("has several stages that run {}; choose one by --stage: {}", program,
                       fmt::join(names, ", "));
  }
  chosen = pipeline.find(names.front());
  return "";
}

void read_pipeline(const StageOptions& options, std::string_view program, StageSetup& setup) {
  const std::string path = pipeline_path(options.share_directory, options.pipeline);
  const auto text = read_file(path);
  if (!text) {
    setup.diagnostics.error({}, text.error().what);
    return;
  }
  setup.sources.push_back({path, *text});
  setup.pipeline = parse_pipeline(setup.sources.back(), setup.diagnostics);
  if (!setup.pipeline) {
    return;
  }
  if (std::string wrong = choose_stage(options.stage, program, *setup.pipeline, setup.node);
      !wrong.empty()) {
    setup.diagnostics.error({path, 0, 0}, std::move(wrong));
  }
}

}  // namespace

StageSetup read_setup(const StageOptions& options, std::string_view program) {
  StageSetup setup;
  read_pipeline(options, program, setup);
  setup.model = Model::load(options.share_directory + "/model", setup.sources, setup.diagnostics);
  if (setup.pipeline) {
    setup.model.apply_override(setup.pipeline->override_table, setup.diagnostics);
  }
  return setup;
}

StageContext context_of(const StageOptions& options, const StageSetup& setup) {
  const std::string name = setup.pipeline ? setup.pipeline->name : "";
  return {setup.model,
          machine_id(),
          name,
          setup.node == nullptr ? options.stage : setup.node->name,
          setup.pipeline ? setup.pipeline->period : Duration{},
          options.state_directory + "/" + name,
          options.share_directory,
          {}};
}

}  // namespace gala
