// Processes that compute without end on the processor that Redis runs on.
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <fstream>

#include "runtime/cli/demo/fault.h"

namespace gala::demo {
namespace {

constexpr int hogs = 3;
/// Beside hogs of equal right a Redis that sleeps most of the time is hardly slowed down: the
/// scheduler lets it in first. A batch job of higher priority is what starves it.
constexpr int hog_nice = -10;

/// On this processor only, ahead of others; where each session is a group of its own for the
/// scheduler, the priority is that of the group.
bool take_over(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(processor), &set);
  ::setpriority(PRIO_PROCESS, 0, hog_nice);
  std::ofstream("/proc/self/autogroup") << hog_nice;
  return ::sched_setaffinity(0, sizeof(set), &set) == 0;
}

class CpuFault final : public Fault {
 public:
  Result<> prepare(SceneOptions& options) override {
    // The last processor this process may use: it stays usable inside a cpuset.
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof(set), &set);
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i) {
      processor_ = CPU_ISSET(i, &set) ? static_cast<int>(i) : processor_;
    }
    options.processor = processor_;
    // More than what the hogs leave it.
    options.load.rate_per_s = 5000;
    return {};
  }

  Result<> inject(const Scene& scene) override {
    const std::string program = TRY(find_program("sha256sum", "coreutils"));
    for (int i = 0; i < hogs; ++i) {
      Child hog = TRY(Child::start_bound(std::vector<std::string>{program, "/dev/zero"},
                                         scene.options().directory + "/hog.out",
                                         [this] { return take_over(processor_); }));
      hogs_.push_back(std::move(hog));
    }
    return {};
  }

  void remove() override { hogs_.clear(); }

  [[nodiscard]] std::string what() const override {
    return fmt::format(
        "{} processes of high priority compute checksums without end on processor {}, where Redis "
        "runs",
        hogs, processor_);
  }

  [[nodiscard]] Injected injected() const override {
    std::vector<std::string> pids;
    for (const Child& hog : hogs_) {
      pids.push_back(std::to_string(hog.pid()));
    }
    return {{"process", pids}};
  }

 private:
  int processor_ = 0;
  std::vector<Child> hogs_;
};

}  // namespace

std::unique_ptr<Fault> make_cpu_fault() { return std::make_unique<CpuFault>(); }

}  // namespace gala::demo
