// Stages as children: no supervisor, they live as long as the demonstration.
#include "runtime/cli/demo/private_pipeline.h"

#include <signal.h>

#include <filesystem>
#include <utility>

#include "runtime/cli/status.h"

namespace gala::demo {
namespace {

using namespace std::chrono_literals;

}  // namespace

Result<PrivatePipeline> PrivatePipeline::start(const CommandContext& context,
                                               const Pipeline& pipeline, const std::string& file,
                                               const std::string& directory, Interrupt& interrupt) {
  PrivatePipeline started;
  const std::string run = directory + "/run";
  const std::string state = directory + "/state";
  started.log_directory_ = directory + "/log";
  started.state_directory_ = state + "/" + pipeline.name;
  std::error_code failed;
  for (const std::string& path : {run, state, started.log_directory_}) {
    std::filesystem::create_directories(path, failed);
  }
  for (const StageNode& node : pipeline.stages) {
    const std::vector<std::string> arguments{context.program_directory + "/gala-" + node.run,
                                             "--pipeline",
                                             file,
                                             "--stage",
                                             node.name,
                                             "--run-dir",
                                             run,
                                             "--state-dir",
                                             state,
                                             "--share-dir",
                                             context.share_directory};
    Child child = TRY(Child::start_bound(
        arguments, started.log_directory_ + "/" + node.name + ".log", [] { return true; }));
    started.stages_.emplace(node.name, std::move(child));
  }
  started.running_ = {pipeline.name, run + "/" + pipeline.name, {}, {}, {}};
  for (const StageNode& node : pipeline.stages) {
    started.running_.stages.push_back(node.name);
    started.running_.status_endpoints.push_back(
        status_endpoint(started.running_.directory, node.name));
  }
  TRY(started.wait_for_stages(interrupt));
  // Only now are all sockets there to be found.
  started.running_ = TRY(find_running(run, pipeline.name));
  return started;
}

Result<> PrivatePipeline::wait_for_stages(Interrupt& interrupt) {
  StatusReader reader = TRY(StatusReader::open(running_));
  const BootTime deadline = current_instant().boot + 60s;
  while (reader.newest().size() < running_.stages.size()) {
    reader.collect(200ms);
    if (const std::string ended = ended_stage(); !ended.empty()) {
      return fail("stage \"" + ended + "\" has ended; see " + log_directory_ + "/" + ended +
                  ".log (keep it with --keep)");
    }
    if (interrupt.requested()) {
      return fail("interrupted");
    }
    if (current_instant().boot > deadline) {
      return fail("not all stages came up within a minute; see " + log_directory_ +
                  " (keep it with --keep)");
    }
  }
  return {};
}

std::string PrivatePipeline::ended_stage() {
  for (auto& [name, child] : stages_) {
    if (child.ended()) {
      return name;
    }
  }
  return {};
}

void PrivatePipeline::stop() {
  for (const auto& [name, child] : stages_) {
    if (child.pid() > 0) {
      ::kill(child.pid(), SIGTERM);
    }
  }
  stages_.clear();
}

}  // namespace gala::demo
