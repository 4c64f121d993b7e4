// proc-source: what /proc, /sys and netlink know of this host, as Records each period.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/batch.h"
#include "runtime/core/stage.h"
#include "stages/proc-source/cgroup_scan.h"
#include "stages/proc-source/cpu.h"
#include "stages/proc-source/disk.h"
#include "stages/proc-source/file_watch.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/filesystem.h"
#include "stages/proc-source/memory.h"
#include "stages/proc-source/memory_reserve.h"
#include "stages/proc-source/nic.h"
#include "stages/proc-source/process_scan.h"
#include "stages/proc-source/qdisc.h"

namespace gala::proc_source {

/// Reads the tables `system.*` (declared by their row types) and sends one Records message for
/// each.
class ProcSource {
 public:
  static StageDescription describe();

  struct Config {
    std::string root = "/";
    std::vector<std::string> tables;
    Duration proc_period{0};
    Duration cgroup_period{0};
    Duration smaps_period = std::chrono::seconds(60);
    Duration facts_period = std::chrono::seconds(10);
    Duration held_period = std::chrono::minutes(10);
    std::vector<std::string> processes;
    std::vector<std::string> cgroups;
    bool kernel_threads = true;
    std::int64_t max_processes = 4096;
    std::int64_t max_memory_rows = 20;
    std::int64_t max_memory_bytes = std::int64_t{4} << 30;
    std::int64_t max_cgroups = 1000;
    std::vector<std::string> config_files{"*.conf", "*.cnf",   "*.cfg",  "*.ini",        "*.toml",
                                          "*.yaml", "*.yml",   "*.json", "*.xml",        "*.env",
                                          "*.lua",  "*.rules", "*.jar",  "*.properties", "*.py"};
    std::int64_t max_config_files = 1000;
    static constexpr auto fields() {
      return std::tuple{
          Field{
              "root", &Config::root,
              "Directory whose proc, sys and etc are read: a host's root mounted into a container, "
              "or a captured tree."},
          Field{"tables", &Config::tables,
                "Tables to send, without \"system.\"; empty = all (proc, cgroup, cpu, …)."},
          Field{"proc_period", &Config::proc_period,
                "Time between scans of all processes; 0s = the pipeline's period.", 0, 3600},
          Field{"cgroup_period", &Config::cgroup_period,
                "Time between reads of all cgroups; 0s = the pipeline's period.", 0, 3600},
          Field{"smaps_period", &Config::smaps_period,
                "Time between reads of the processes' memory classes, which cost the kernel a walk "
                "through their page tables.",
                1, 86400},
          Field{
              "facts_period", &Config::facts_period,
              "How long facts that rarely change are trusted: command lines, cgroup paths, limits, "
              "disk and interface attributes, host facts, clock rates.",
              1, 3600},
          Field{"held_period", &Config::held_period,
                "Shared and locked memory that has not grown for that long counts as taken on "
                "purpose (guests, databases), not as used by programs that grow.",
                1, 86400},
          Field{"processes", &Config::processes,
                "Globs; only processes with such a comm are reported. Empty = all."},
          Field{"cgroups", &Config::cgroups,
                "Globs; only processes in such a cgroup path are reported. Empty = all."},
          Field{"kernel_threads", &Config::kernel_threads, "Report kernel threads, too."},
          Field{"max_processes", &Config::max_processes,
                "Processes reported at most; those beyond count as lost.", 1, 1000000},
          Field{"max_memory_rows", &Config::max_memory_rows,
                "Processes whose memory classes are read at most, the largest first.", 0, 100000},
          Field{"max_memory_bytes", &Config::max_memory_bytes,
                "Processes with a larger resident set are not asked for their memory classes: the "
                "walk "
                "takes about 5 ms a GiB.",
                0, 1e15},
          Field{"max_cgroups", &Config::max_cgroups,
                "Cgroups reported at most; those beyond count as lost.", 1, 1000000},
          Field{"config_files", &Config::config_files,
                "Globs; files with such names, which a process was started with or has in "
                "/etc/<its name>, are configuration whose changes are reported."},
          Field{"max_config_files", &Config::max_config_files,
                "Programs and configuration files looked at at most; those beyond count as lost.",
                0, 100000},
      };
    }
  };

  ProcSource(const Config& config, const StageContext& context);

  /// Reports unknown words in `tables`.
  static void check(const Config& config, const StageContext& context, const Value& section,
                    Diagnostics& diagnostics);
  /// Every table and column this stage can send.
  static RecordSchemas records(const std::string& share_directory);

  Result<> start(Instant now);
  void tick(Instant now, Outbox& out);
  void report(SelfReport& report) const;

 private:
  /// One table's last message and figures.
  struct Sent {
    BootTime at;
    std::size_t rows = 0;
    std::uint64_t lost = 0;
    bool ever = false;
  };

  void use_thread_sums();
  [[nodiscard]] bool wants(std::string_view table) const;
  /// True when `table` is wanted and its period has passed since it was last sent.
  [[nodiscard]] bool is_due(std::string_view table, BootTime now, Duration period) const;
  template <class Row, class Rows>
  void send(const Rows& rows, Instant now, Outbox& out, std::uint64_t lost = 0);

  void send_processes(Instant now, Outbox& out);
  void send_cpu(Instant now, Outbox& out);
  void send_memory(Instant now, Outbox& out);
  void send_storage(Instant now, Outbox& out);
  void send_network(Instant now, Outbox& out);
  void send_qdiscs(const std::vector<NicRow>& nics, Instant now, Outbox& out);
  void send_host(Instant now, Outbox& out);

  Config config_;
  std::string machine_id_;
  Duration period_;
  KernelUnits units_;
  std::optional<Files> files_;
  std::optional<NetlinkSocket> route_;
  ProcessScan processes_;
  CgroupScan cgroups_;
  FileWatch file_watch_;
  MemoryScan host_memory_;
  DiskScan disks_;
  NicScan nics_;
  std::vector<NicRow> last_nics_;
  std::vector<CpuRow> clocks_;
  BootTime clocks_read_at_;
  double installed_bytes_ = not_measured;
  /// As of the last readings; the groups' are one period old when processes are read.
  HostMemory memory_;
  /// Key of the host, under which its counts of processes stand.
  std::string os_version_;
  std::map<std::string, Sent, std::less<>> sent_;
  std::uint64_t unreadable_processes_ = 0;
  std::uint64_t last_lost_processes_ = 0;
  std::string qdisc_complaint_;
  std::string thread_sums_complaint_;
};

}  // namespace gala::proc_source
