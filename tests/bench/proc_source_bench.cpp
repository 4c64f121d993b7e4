// What proc-source costs: a scan of all processes, and a whole tick with every table.
#include <benchmark/benchmark.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "stages/proc-source/proc_source.h"

namespace {

using namespace gala;
using namespace gala::proc_source;

/// Idle processes that end with it.
class Children {
 public:
  explicit Children(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        for (;;) {
          ::pause();
        }
      }
      pids_.push_back(child);
    }
  }
  ~Children() {
    for (const pid_t pid : pids_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

 private:
  std::vector<pid_t> pids_;
};

/// One scan per second of virtual time, details included at their own cadence.
void scan_processes(benchmark::State& state) {
  const Children children(state.range(0));
  auto files = Files::open("/");
  if (!files) {
    state.SkipWithError(files.error().what.c_str());
    return;
  }
  ProcessScan scan({});
  if (auto stats = TaskStats::open()) {
    scan.use(std::move(*stats));
  }
  std::int64_t second = 1'000'000;
  double processes = 0;
  for (auto _ : state) {
    scan.scan(*files, BootTime{std::chrono::seconds(++second)}, {});
    processes += static_cast<double>(scan.rows().size());
  }
  state.counters["processes"] = processes / static_cast<double>(state.iterations());
  state.counters["s_per_process"] =
      benchmark::Counter(processes, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(scan_processes)->Arg(0)->Arg(200)->Arg(1000)->Unit(benchmark::kMicrosecond);

/// Everything that is read and sent in one second.
void tick_all_tables(benchmark::State& state) {
  const Children children(state.range(0));
  const Model model;
  const StageContext context{.model = model,
                             .machine_id = "bench",
                             .pipeline = "bench",
                             .stage = "system",
                             .period = std::chrono::seconds(1),
                             .state_directory = "",
                             .share_directory = ""};
  ProcSource source(ProcSource::Config{}, context);
  if (const auto started = source.start({}); !started) {
    state.SkipWithError(started.error().what.c_str());
    return;
  }
  std::int64_t second = 1'000'000;
  for (auto _ : state) {
    Outbox out;
    source.tick({.boot = BootTime{std::chrono::seconds(++second)}, .wall = {}}, out);
    benchmark::DoNotOptimize(out.items().size());
  }
}
BENCHMARK(tick_all_tables)->Arg(0)->Arg(200)->Unit(benchmark::kMicrosecond);

}  // namespace
