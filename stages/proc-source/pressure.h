// Pressure stall information: how long tasks waited for CPU, memory and I/O.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "stages/proc-source/files.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// One resource of the host, or of a cgroup.
struct PressureRow {
  static constexpr std::string_view table = "system.pressure";
  using Row = PressureRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"resource", &Row::resource},
        Counter<Row>{"some_ns", &Row::some_ns},
        Counter<Row>{"full_ns", &Row::full_ns},
        Gauge<Row>{"some_avg10_percent", &Row::some_avg10_percent},
        Gauge<Row>{"some_avg60_percent", &Row::some_avg60_percent},
        Gauge<Row>{"full_avg10_percent", &Row::full_avg10_percent},
        Gauge<Row>{"full_avg60_percent", &Row::full_avg60_percent},
    };
  }

  std::string resource;
  /// Time in which at least one task, and in which all tasks, waited.
  double some_ns = not_measured;
  double full_ns = not_measured;
  double some_avg10_percent = not_measured;
  double some_avg60_percent = not_measured;
  double full_avg10_percent = not_measured;
  double full_avg60_percent = not_measured;
};

/// A pressure file; what it lacks ("full" of cpu on older kernels) stays not measured.
PressureRow parse_pressure(std::string_view text);

/// Every file of /proc/pressure; none when the kernel has it off.
std::vector<PressureRow> read_pressure(Files& files);

}  // namespace gala::proc_source
