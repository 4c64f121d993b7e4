// A pipeline of one's own: its stages as child processes, with sockets and files in a directory
// that goes with it.
#pragma once

#include <map>
#include <string>

#include "runtime/cli/command.h"
#include "runtime/cli/process.h"
#include "runtime/cli/running.h"
#include "runtime/core/graph.h"
#include "runtime/core/result.h"

namespace gala::demo {

class PrivatePipeline {
 public:
  /// Starts every stage of the checked `pipeline`, read from `file`, with all it writes below
  /// `directory`, and waits until each has said something of itself.
  static Result<PrivatePipeline> start(const CommandContext& context, const Pipeline& pipeline,
                                       const std::string& file, const std::string& directory,
                                       Interrupt& interrupt);

  /// Where it can be listened to.
  [[nodiscard]] const RunningPipeline& running() const { return running_; }
  /// Where its journals are.
  [[nodiscard]] const std::string& state_directory() const { return state_directory_; }
  /// The first stage that has ended, or "".
  std::string ended_stage();
  /// SIGTERM to all at once, then waits for all.
  void stop();

 private:
  PrivatePipeline() = default;
  Result<> wait_for_stages(Interrupt& interrupt);

  std::map<std::string, Child> stages_;
  RunningPipeline running_;
  std::string state_directory_;
  std::string log_directory_;
};

}  // namespace gala::demo
