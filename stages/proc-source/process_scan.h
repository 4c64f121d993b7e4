// Scans /proc/PID: known processes are read through files kept open, facts that rarely change at
// longer intervals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/core/time.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/process_row.h"
#include "stages/proc-source/taskstats.h"

namespace gala::proc_source {

/// What is scanned and how often.
struct ProcessScanSettings {
  /// Globs; a process is reported when its comm matches one of the first and its cgroup one of the
  /// second list. An empty list takes all.
  std::vector<std::string> comms;
  std::vector<std::string> cgroups;
  bool kernel_threads = true;
  std::size_t max_processes = 4096;
  /// How long command line, cgroup, limits and namespaces are trusted.
  Duration detail_period = std::chrono::seconds(10);
  KernelUnits units;
};

/// Bounds of reading memory classes, for which the kernel walks through page tables.
struct MemoryScanLimits {
  std::size_t rows = 20;
  double resident_bytes = 4.0 * 1024 * 1024 * 1024;
};

/// What happened in one scan.
struct ProcessScanResult {
  /// Processes beyond max_processes.
  std::uint64_t lost = 0;
  /// Processes of others whose io or descriptors may not be read.
  std::uint64_t unreadable = 0;
};

/// All processes, scan after scan. A process that vanishes while it is read is absent, which is no
/// error.
class ProcessScan {
 public:
  explicit ProcessScan(ProcessScanSettings settings);

  /// Allows kernel sums over threads; call once, only when the files are those of the running
  /// kernel.
  void use(TaskStats stats) { stats_ = std::move(stats); }

  /// Reads all processes; `rows` are those that pass the filters, valid until the next scan.
  ProcessScanResult scan(Files& files, BootTime now, const HostMemory& memory);
  [[nodiscard]] const std::vector<const ProcessRow*>& rows() const { return rows_; }
  /// States of all processes as of the last scan, those included that the filters leave out.
  [[nodiscard]] const ProcessStatesRow& states() const { return states_; }

  /// smaps_rollup of the processes in `rows` with the largest resident sets within the limits.
  std::vector<ProcessMemoryRow> read_memory(Files& files, const MemoryScanLimits& limits) const;

 private:
  struct Process {
    FileDescriptor directory;
    FileDescriptor stat;
    FileDescriptor status;
    FileDescriptor io;
    FileDescriptor schedule;
    ProcessRow row;
    OwnIo own_io;
    double child_faults = not_measured;
    BootTime detailed_at;
    std::uint64_t seen_scan = 0;
    bool keeps_directory = false;
    bool sums_threads = false;
    bool readable = true;
    bool wanted = true;
  };

  bool read(Files& files, std::uint32_t pid, Process& process, BootTime now);
  bool open(Files& files, std::uint32_t pid, Process& process);
  /// False when the process has gone.
  bool read_stat(Files& files, std::uint32_t pid, Process& process);
  /// Time on CPU and on the run queue.
  void read_schedule(Files& files, Process& process);
  void read_counters(Files& files, Process& process);
  static void read_details(Files& files, Process& process);
  static void read_namespaces(Process& process);
  void forget_files(Process& process);
  /// Counts states, and zombies at their parents.
  void count_states();
  std::optional<std::string_view> read_kept(Files& files, int directory, const char* name,
                                            FileDescriptor& kept);
  [[nodiscard]] bool passes(const ProcessRow& row) const;

  ProcessScanSettings settings_;
  std::optional<TaskStats> stats_;
  std::unordered_map<std::uint32_t, Process> processes_;
  std::vector<const ProcessRow*> rows_;
  ProcessStatesRow states_;
  std::uint64_t scans_ = 0;
  std::uint64_t unreadable_ = 0;
  /// Descriptors that may still be kept open; when none are left, files are opened for each read.
  std::size_t keepable_;
};

}  // namespace gala::proc_source
