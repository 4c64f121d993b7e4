// Sums over all threads of a process, from the kernel's taskstats: what /proc has of the main
// thread only.
#pragma once

#include <optional>

#include "runtime/core/batch.h"
#include "stages/proc-source/netlink.h"

namespace gala::proc_source {

/// What all threads of a process together used and waited, ended threads included.
struct ThreadSums {
  double cpu_ns = not_measured;
  double run_delay_ns = not_measured;
  double timeslices_count = not_measured;
};

/// Finds the thread sums in the payload of a taskstats answer (behind its generic netlink header).
std::optional<ThreadSums> parse_taskstats(Bytes payload);

/// Asks for them. Needs CAP_NET_ADMIN and a kernel with CONFIG_TASKSTATS.
class TaskStats {
 public:
  static Result<TaskStats> open();
  /// Nothing when the process has gone or the kernel refuses.
  std::optional<ThreadSums> read(std::uint32_t tgid);

 private:
  TaskStats(NetlinkSocket socket, std::uint16_t family)
      : socket_(std::move(socket)), family_(family) {}

  NetlinkSocket socket_;
  std::uint16_t family_;
};

}  // namespace gala::proc_source
