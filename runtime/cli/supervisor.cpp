// supervisord and supervisorctl, without a shell.
#include "runtime/cli/supervisor.h"

#include <signal.h>

#include <fstream>
#include <utility>

#include "runtime/cli/process.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

constexpr auto package = "supervisor";
/// Python needs its time on a small or busy machine.
constexpr auto patience = 60s;

}  // namespace

Result<Supervisor> Supervisor::find(SupervisorPaths paths) {
  std::string daemon = TRY(find_program("supervisord", package));
  std::string controller = TRY(find_program("supervisorctl", package));
  return Supervisor(std::move(paths), std::move(daemon), std::move(controller));
}

int Supervisor::process() const {
  int pid = 0;
  std::ifstream(paths_.pid_file) >> pid;
  return pid;
}

bool Supervisor::running() const {
  const int pid = process();
  return pid > 0 && ::kill(pid, 0) == 0 && control({"pid"}).has_value();
}

Result<> Supervisor::start() const {
  const auto finished = TRY(run_program(
      std::vector<std::string>{daemon_, "--configuration", paths_.configuration}, patience));
  if (finished.exit_code != 0) {
    return fail("supervisord did not start: " + finished.output);
  }
  return {};
}

Result<std::string> Supervisor::control(const std::vector<std::string>& words) const {
  std::vector<std::string> arguments{controller_, "--configuration", paths_.configuration};
  arguments.insert(arguments.end(), words.begin(), words.end());
  auto finished = TRY(run_program(arguments, patience));
  if (finished.exit_code != 0) {
    return fail("supervisorctl " + words.front() + " failed: " + finished.output);
  }
  return std::move(finished.output);
}

Result<> Supervisor::shut_down() const {
  const int pid = process();
  TRY(control({"shutdown"}));
  if (!wait_until([pid] { return ::kill(pid, 0) != 0; }, 20s)) {
    return fail("supervisord (pid " + std::to_string(pid) + ") does not end; see its log");
  }
  return {};
}

}  // namespace gala
