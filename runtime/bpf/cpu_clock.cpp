// Programs that a clock of each CPU starts.
#include "runtime/bpf/cpu_clock.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace gala::bpf {
namespace {

int open_clock(int cpu, std::uint64_t frequency_hz) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  attributes.freq = 1;
  attributes.sample_freq = frequency_hz;
  constexpr int every_process = -1;
  constexpr int no_group = -1;
  return static_cast<int>(::syscall(SYS_perf_event_open, &attributes, every_process, cpu, no_group,
                                    PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

Result<> attach_to_cpu_clocks(bpf_program& program, std::uint64_t frequency_hz,
                              std::vector<Link>& links) {
  std::vector<Link> made;
  const int cpus = libbpf_num_possible_cpus();
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const int clock = open_clock(cpu, frequency_hz);
    if (clock < 0 && errno == ENODEV) {
      continue;  // not online
    }
    if (clock < 0) {
      return tl::unexpected(system_error("cannot open a clock of a CPU", errno));
    }
    Link link{bpf_program__attach_perf_event(&program, clock)};  // owns the clock when it is made
    if (link == nullptr) {
      const int error = errno;
      ::close(clock);
      return tl::unexpected(system_error("the kernel refuses to attach it to a clock", error));
    }
    made.push_back(std::move(link));
  }
  for (Link& link : made) {
    links.push_back(std::move(link));
  }
  return {};
}

}  // namespace gala::bpf
