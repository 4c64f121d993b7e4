// The demonstration's load as a program, for pipeline_cost.py:
//   redis_load --port P --rate R --seconds S --connections C   → one JSON object on standard output
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "runtime/cli/demo/load.h"

int main(int argc, char** argv) {
  gala::demo::LoadOptions options;
  double seconds = 5;
  CLI::App app("Paced GET and SET requests on 127.0.0.1");
  app.add_option("--port", options.port)->required();
  app.add_option("--rate", options.rate_per_s);
  app.add_option("--seconds", seconds);
  app.add_option("--connections", options.connections);
  CLI11_PARSE(app, argc, argv);
  const gala::demo::SharedFigures figures;
  if (figures.get() == nullptr) {
    return 1;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(gala::demo::run_load(options, *figures.get()));
  }
  const auto began = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const gala::demo::LoadFigures seen = figures.read();
  const double elapsed =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  fmt::print("{{\"requests\":{},\"errors\":{},\"seconds\":{:.3f},\"mean_us\":{:.1f}}}\n",
             seen.requests, seen.errors, elapsed,
             seen.requests == 0
                 ? 0.0
                 : static_cast<double>(seen.latency_sum_us) / static_cast<double>(seen.requests));
  return seen.requests == 0 ? 1 : 0;
}
