// Java virtual machines, by the performance data that each keeps in a file: no agent is needed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "stages/proc-source/files.h"
#include "stages/proc-source/process_row.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// One Java process. Sizes of spaces are as of their last collection where the collector says so no
/// earlier (G1, ZGC).
struct JvmRow {
  static constexpr std::string_view table = "system.jvm";
  static constexpr std::array teaches{Teaches{Fact::process_begin, "start_time_ns"},
                                      Teaches{Fact::process_comm, "comm"}};
  using Row = JvmRow;
  static constexpr auto cells() {
    return std::tuple{
        Integer<Row>{"tgid", &Row::tgid},
        Integer<Row>{"start_time_ns", &Row::start_time_ns},
        Text<Row>{"comm", &Row::comm},
        Gauge<Row>{"heap_used_bytes", &Row::heap_used_bytes},
        Gauge<Row>{"heap_capacity_bytes", &Row::heap_capacity_bytes},
        Gauge<Row>{"old_used_bytes", &Row::old_used_bytes},
        Gauge<Row>{"old_max_bytes", &Row::old_max_bytes},
        Gauge<Row>{"old_used_percent", &Row::old_used_percent},
        Gauge<Row>{"metaspace_used_bytes", &Row::metaspace_used_bytes},
        Gauge<Row>{"metaspace_max_bytes", &Row::metaspace_max_bytes},
        Gauge<Row>{"metaspace_used_percent", &Row::metaspace_used_percent},
        Counter<Row>{"gc_ns", &Row::gc_ns},
        Counter<Row>{"gc_count", &Row::gc_count},
        Counter<Row>{"full_gc_count", &Row::full_gc_count},
        Gauge<Row>{"threads", &Row::threads},
        Gauge<Row>{"classes", &Row::classes},
    };
  }

  std::uint64_t tgid = 0;
  std::uint64_t start_time_ns = 0;
  std::string comm;
  /// All generations; what the system has given them so far.
  double heap_used_bytes = not_measured;
  double heap_capacity_bytes = not_measured;
  /// The old generation, and what it may grow to.
  double old_used_bytes = not_measured;
  double old_max_bytes = not_measured;
  double old_used_percent = not_measured;
  double metaspace_used_bytes = not_measured;
  double metaspace_max_bytes = not_measured;
  double metaspace_used_percent = not_measured;
  /// Time in which the program stood still for collections, all collectors together.
  double gc_ns = not_measured;
  double gc_count = not_measured;
  double full_gc_count = not_measured;
  double threads = not_measured;
  double classes = not_measured;
};

/// A hsperfdata file, format 2.0 of HotSpot; without tgid, start time and comm. Nothing when it is
/// something else or is not filled in yet. Any bytes may come: a process can write there what it
/// likes.
std::optional<JvmRow> parse_hsperfdata(std::string_view bytes);

/// The process's id in its own namespace: the last number behind "NSpid:" of /proc/PID/status; ""
/// when there is none.
std::string_view own_pid(std::string_view status);

/// All processes named java that keep such a file, seen through their own root directory, so in
/// containers too. `-XX:-UsePerfData` and `-XX:+PerfDisableSharedMem` keep none.
std::vector<JvmRow> read_jvms(Files& files, const std::vector<const ProcessRow*>& processes);

}  // namespace gala::proc_source
