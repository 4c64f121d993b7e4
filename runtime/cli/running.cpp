// Socket files of a run directory: "<stage>.status" and "<stage>.<port>.tap"
// (runtime/core/graph.h).
#include "runtime/cli/running.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "runtime/core/diagnostics.h"
#include "runtime/core/graph.h"

namespace gala {
namespace {

constexpr std::string_view status_suffix = ".status";
constexpr std::string_view tap_suffix = ".tap";

/// A directory without one belongs to a pipeline that was stopped.
bool has_status_socket(const std::filesystem::path& directory) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    if (entry.path().filename().string().ends_with(status_suffix)) {
      return true;
    }
  }
  return false;
}

void add_socket(RunningPipeline& pipeline, const std::string& file) {
  const std::string_view name = file;
  if (name.ends_with(status_suffix)) {
    const std::string stage(name.substr(0, name.size() - status_suffix.size()));
    pipeline.status_endpoints.push_back(status_endpoint(pipeline.directory, stage));
    pipeline.stages.push_back(stage);
  } else if (name.ends_with(tap_suffix)) {
    const std::string_view rest = name.substr(0, name.size() - tap_suffix.size());
    const std::size_t dot = rest.find('.');
    if (dot != std::string_view::npos) {
      const std::string stage(rest.substr(0, dot));
      const std::string port(rest.substr(dot + 1));
      pipeline.taps.push_back({stage, port, tap_endpoint(pipeline.directory, stage, port)});
    }
  }
}

std::vector<std::string> names_of(const std::vector<TapPort>& taps) {
  std::vector<std::string> names;
  for (const TapPort& tap : taps) {
    names.push_back(tap.stage + "." + tap.port);
  }
  return names;
}

}  // namespace

std::vector<std::string> running_names(const std::string& run_root) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(run_root, failed)) {
    if (has_status_socket(entry.path())) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<RunningPipeline> find_running(const std::string& run_root, std::string name) {
  const std::vector<std::string> names = running_names(run_root);
  if (name.empty()) {
    if (names.empty()) {
      return fail("no pipeline runs below " + run_root +
                  "; start one with `gala run PIPELINE`, or name another --run-dir");
    }
    if (names.size() > 1) {
      return fail(
          fmt::format("several pipelines are below {}: name one of them with --pipeline ({})",
                      run_root, fmt::join(names, ", ")));
    }
    name = names.front();
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return fail(fmt::format("no pipeline \"{}\" runs below {}{} (there: {})", name, run_root,
                            did_you_mean(name, names),
                            names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  }
  RunningPipeline pipeline{name, run_root + "/" + name, {}, {}, {}};
  std::vector<std::string> files;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(pipeline.directory, failed)) {
    files.push_back(entry.path().filename().string());
  }
  if (failed) {
    return fail(pipeline.directory + ": cannot be read (" + failed.message() +
                "); run as root, or as the user who started the pipeline");
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    add_socket(pipeline, file);
  }
  return pipeline;
}

Result<std::vector<TapPort>> select_taps(const RunningPipeline& pipeline,
                                         std::string_view pattern) {
  if (pattern.empty()) {
    return pipeline.taps;
  }
  std::vector<TapPort> chosen;
  for (const TapPort& tap : pipeline.taps) {
    if (pattern == tap.stage || pattern == tap.stage + "." + tap.port) {
      chosen.push_back(tap);
    }
  }
  if (chosen.empty()) {
    const std::vector<std::string> names = names_of(pipeline.taps);
    return fail(fmt::format("nothing to tap called \"{}\"{} (there: {})", pattern,
                            did_you_mean(pattern, names), fmt::join(names, ", ")));
  }
  return chosen;
}

}  // namespace gala
