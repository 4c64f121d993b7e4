// A running pipeline as its run directory shows it: no pipeline file is needed to look at one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/result.h"

namespace gala {

/// A port that can be tapped.
struct TapPort {
  std::string stage;
  std::string port;
  std::string endpoint;
};

/// Everything that `directory` offers to look at.
struct RunningPipeline {
  std::string name;
  std::string directory;
  std::vector<std::string> stages;
  std::vector<std::string> status_endpoints;
  std::vector<TapPort> taps;
};

/// Names of the pipelines that run below `run_root`, sorted.
std::vector<std::string> running_names(const std::string& run_root);

/// Finds the pipeline with this name below `run_root`. "" = the only one there is. The error lists
/// what there is.
Result<RunningPipeline> find_running(const std::string& run_root, std::string name);

/// The taps of `pattern`: "" = all, "stage", or "stage.port". The error lists what can be tapped.
Result<std::vector<TapPort>> select_taps(const RunningPipeline& pipeline, std::string_view pattern);

}  // namespace gala
