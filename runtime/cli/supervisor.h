// The supervisord of one pipeline: started, asked and stopped through its own programs.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/result.h"

namespace gala {

/// Where the supervisord of a pipeline keeps its things.
struct SupervisorPaths {
  /// Its configuration, as `gala deploy supervisord` renders it.
  std::string configuration;
  std::string pid_file;
};

class Supervisor {
 public:
  /// The error names the Debian package when supervisord is missing.
  static Result<Supervisor> find(SupervisorPaths paths);

  /// Whether it answers.
  [[nodiscard]] bool running() const;
  /// Starts it in the background. Returns when its own start is over, not that of the stages.
  [[nodiscard]] Result<> start() const;
  /// Runs `supervisorctl <words>`; its output. An exit code other than 0 is an error.
  [[nodiscard]] Result<std::string> control(const std::vector<std::string>& words) const;
  /// Stops all stages and supervisord itself; returns when it is gone.
  [[nodiscard]] Result<> shut_down() const;

 private:
  Supervisor(SupervisorPaths paths, std::string daemon, std::string controller)
      : paths_(std::move(paths)), daemon_(std::move(daemon)), controller_(std::move(controller)) {}
  [[nodiscard]] int process() const;

  SupervisorPaths paths_;
  std::string daemon_;
  std::string controller_;
};

}  // namespace gala
