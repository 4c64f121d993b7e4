// Check, render, start, wait.
#include "runtime/cli/supervised.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <tuple>
#include <utility>

#include "runtime/cli/arguments.h"
#include "runtime/cli/deployment.h"
#include "runtime/cli/process.h"
#include "runtime/cli/stage_programs.h"
#include "runtime/cli/status.h"
#include "runtime/cli/workspace.h"
#include "runtime/core/read_file.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto start_limit = 60s;
constexpr std::size_t shown_log_lines = 8;

std::string absolute(const std::string& path) {
  std::error_code failed;
  const auto result = fs::absolute(path, failed);
  return failed ? path : result.lexically_normal().string();
}

Result<> make_directory(const std::string& path) {
  std::error_code failed;
  if (fs::create_directories(path, failed)) {
    fs::permissions(path, fs::perms{0750}, failed);
  }
  if (failed) {
    return fail(path + ": cannot be made (" + failed.message() +
                "); run as root, or give --run-dir and --state-dir that you may write to");
  }
  return {};
}

Result<> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) {
    return fail(path + ": cannot be written; is the disk full?");
  }
  return {};
}

std::string text_or_nothing(const std::string& path) {
  auto text = read_file(path);
  return text ? std::move(*text) : std::string();
}

/// The pipeline's own errors and those that its stages find in their sections, each once: every
/// stage program reports the file's own errors too.
std::string all_errors(const CommandContext& context, const std::string& file,
                       Workspace& workspace) {
  const auto identity = [](const Diagnostic& one) {
    return std::tuple(one.place.file, one.place.line, one.place.column, one.text);
  };
  std::set<std::tuple<std::string, unsigned, unsigned, std::string>> known;
  for (const Diagnostic& one : workspace.diagnostics.sorted()) {
    known.insert(identity(one));
  }
  const auto add = [&](const Diagnostic& one) {
    if (!one.warning && known.insert(identity(one)).second) {
      workspace.diagnostics.add(one);
    }
  };
  for (const Pipeline& pipeline : workspace.pipelines) {
    for (const StageNode& node : pipeline.stages) {
      const auto findings = check_program(context, file, node);
      if (!findings) {
        add({node.run_place, findings.error().what, false});
        continue;
      }
      for (const Diagnostic& finding : *findings) {
        add(finding);
      }
    }
  }
  return workspace.diagnostics.has_errors() || workspace.pipelines.empty()
             ? workspace.diagnostics.render(workspace.sources)
             : std::string();
}

/// The end of a stage's log: what a person would look at first.
std::string last_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back("      " + line + "\n");
  }
  std::string text;
  const std::size_t first = lines.size() > shown_log_lines ? lines.size() - shown_log_lines : 0;
  for (std::size_t i = first; i < lines.size(); ++i) {
    text += lines[i];
  }
  return text;
}

std::string health_text(const wire::StageStatusT& status) {
  std::string text = "up";
  for (const std::string& complaint : status.complaints) {
    text += "; " + complaint;
  }
  return text;
}

/// Waits for the first status of every stage.
Result<> wait_for_stages(const Supervised& supervised, const Progress& progress) {
  RunningPipeline running{supervised.pipeline.name, supervised.run_directory, {}, {}, {}};
  for (const StageNode& node : supervised.pipeline.stages) {
    running.stages.push_back(node.name);
    running.status_endpoints.push_back(status_endpoint(supervised.run_directory, node.name));
  }
  StatusReader reader = TRY(StatusReader::open(running));
  std::set<std::string> up;
  const BootTime deadline = current_instant().boot + start_limit;
  while (up.size() < running.stages.size() && current_instant().boot < deadline) {
    reader.collect(200ms);
    for (const auto& [stage, status] : reader.newest()) {
      if (!up.insert(stage).second) {
        continue;
      }
      const std::string news = fmt::format("[{}/{}] {:<12} {}", up.size(), running.stages.size(),
                                           stage, health_text(status));
      if (!progress(news)) {
        return fail("interrupted");
      }
    }
  }
  std::string missing;
  for (const std::string& stage : running.stages) {
    if (!up.contains(stage)) {
      const std::string log = supervised.state_directory + "/log/" + stage + ".log";
      missing += fmt::format("\n  {} is not up; the end of {}:\n{}", stage, log, last_lines(log));
    }
  }
  return missing.empty() ? Result<>{} : fail("not all stages came up" + missing);
}

Result<> change_running(const Supervised& supervised, bool same_stages, bool same_text,
                        const Progress& progress) {
  if (same_stages && same_text) {
    progress("already running, and the file has not changed");
    return {};
  }
  progress("running already; applying what has changed in the file");
  TRY(supervised.supervisor.control({"update"}));
  if (!same_text) {
    TRY(supervised.supervisor.control({"restart", "all"}));
  }
  return {};
}

}  // namespace

Result<> stop_supervised(const CommandContext& context, const std::string& name) {
  const Supervisor supervisor = TRY(Supervisor::find(supervisor_paths(context, name)));
  if (!supervisor.running()) {
    return {};
  }
  TRY(supervisor.shut_down());
  // Sockets tell what runs; the counts of edges stay, so that a restart goes on with them.
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(context.run_directory + "/" + name, failed)) {
    if (entry.is_socket(failed)) {
      fs::remove(entry.path(), failed);
    }
  }
  return {};
}

SupervisorPaths supervisor_paths(const CommandContext& context, const std::string& name) {
  return {absolute(context.state_directory) + "/" + name + "/supervisord.conf",
          absolute(context.run_directory) + "/" + name + "/supervisord.pid"};
}

Result<Supervised> prepare_supervised(const CommandContext& context,
                                      const std::string& name_or_path) {
  const std::string file = absolute(pipeline_file(context, name_or_path));
  Workspace workspace = load_workspace(context, std::vector<std::string>{file}, true);
  if (const std::string errors = all_errors(context, file, workspace); !errors.empty()) {
    return fail(errors);
  }
  const auto with_newline = [](Error error) { return Error{"gala run: " + error.what + "\n"}; };
  const Pipeline& pipeline = workspace.pipelines.front();
  const SupervisorPaths paths = supervisor_paths(context, pipeline.name);
  auto supervisor = TRY(Supervisor::find(paths).map_error(with_newline));
  const StageCatalog catalog = TRY(load_catalog(context.share_directory).map_error(with_newline));
  const Deployment deployment{
      {file, absolute(context.program_directory), absolute(context.share_directory),
       absolute(context.run_directory), absolute(context.state_directory)},
      ""};
  const std::string state = absolute(context.state_directory) + "/" + pipeline.name;
  return Supervised{pipeline,
                    std::move(supervisor),
                    absolute(context.run_directory) + "/" + pipeline.name,
                    state,
                    paths.configuration,
                    render_supervisord(pipeline, catalog, deployment).text,
                    text_or_nothing(file),
                    state + "/pipeline.toml"};
}

Result<> start_supervised(const Supervised& supervised, const Progress& progress) {
  TRY(make_directory(supervised.run_directory));
  TRY(make_directory(supervised.state_directory));
  TRY(make_directory(supervised.state_directory + "/log"));
  const bool same_stages =
      text_or_nothing(supervised.configuration_file) == supervised.configuration;
  const bool same_text = text_or_nothing(supervised.copy_file) == supervised.text;
  TRY(write_file(supervised.configuration_file, supervised.configuration));
  TRY(write_file(supervised.copy_file, supervised.text));
  if (supervised.supervisor.running()) {
    TRY(change_running(supervised, same_stages, same_text, progress));
  } else {
    progress(fmt::format("starting supervisord with {} stages", supervised.pipeline.stages.size()));
    TRY(supervised.supervisor.start());
  }
  return wait_for_stages(supervised, progress);
}

}  // namespace gala
