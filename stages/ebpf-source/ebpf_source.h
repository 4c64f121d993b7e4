// ebpf-source: loads probes by their folders' names and sends what they measured as Records each
// period.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/bpf/probe.h"
#include "runtime/core/batch.h"
#include "runtime/core/stage.h"
#include "stages/ebpf-source/probe_files.h"

namespace gala::ebpf_source {

/// Knows no probe: tables, columns and tunables come from each probe's BTF and probe.toml.
class EbpfSource {
 public:
  static StageDescription describe();

  struct Config {
    std::vector<std::string> probes;
    std::vector<std::string> processes;
    std::vector<std::string> cgroups;
    std::vector<std::string> ports;
    std::map<std::string, double> tunables;
    Duration processes_period = std::chrono::seconds(5);
    bool stats = false;
    bool drop_privileges = true;
    static constexpr auto fields() {
      return std::tuple{
          Field{"probes", &Config::probes, "Probes to load: folders of bpf/."},
          Field{"processes", &Config::processes,
                "Only these processes are watched: numbers, or globs of their comm. Empty = all."},
          Field{"cgroups", &Config::cgroups,
                "Only processes in these cgroups are watched, too: paths below the unified (v2) "
                "hierarchy. Empty = all."},
          Field{"ports", &Config::ports,
                "Only connections with one of these ports are watched. Empty = all."},
          Field{"tunables", &Config::tunables,
                "Settings of probes: \"probe.tunable\" = number; each probe's probe.toml lists its "
                "own."},
          Field{"processes_period", &Config::processes_period,
                "Time between searches for processes that match `processes`.", 1, 3600},
          Field{"stats", &Config::stats,
                "Let the kernel measure the run time of BPF programs (all of the host's, about 20 "
                "ns for "
                "each run) and report it."},
          Field{"drop_privileges", &Config::drop_privileges,
                "Give up all capabilities but CAP_BPF once the probes are attached."},
      };
    }
  };

  EbpfSource(const Config& config, const StageContext& context);

  /// Reports unknown probes and tunables, values out of range, words that are no ports.
  static void check(const Config& config, const StageContext& context, const Value& section,
                    Diagnostics& diagnostics);
  /// Every table of every installed probe, read from its files; nothing is loaded.
  static RecordSchemas records(const std::string& share_directory);

  /// Loads what the kernel takes; what it refuses becomes a complaint, never an error.
  Result<> start(Instant now);
  std::vector<int> descriptors();
  void on_readable(Instant now, Outbox& out);
  void tick(Instant now, Outbox& out);
  void drain(Instant now, Outbox& out) { tick(now, out); }
  void report(SelfReport& report) const;

 private:
  /// Losses that no message carries yet, by the kind of table they belong to.
  struct Losses {
    std::uint64_t of_maps = 0;
    std::uint64_t of_rings = 0;
  };

  /// A probe that is loaded, and what was read of it since.
  struct Loaded {
    Loaded(std::string probe_name, bpf::Probe loaded_probe)
        : name(std::move(probe_name)), probe(std::move(loaded_probe)) {}

    std::string name;
    bpf::Probe probe;
    /// Ring rows that wait for the end of the window, by table.
    std::map<std::string, Batch> pending;
    std::size_t pending_rows = 0;
    /// Since start, by reason.
    std::map<std::string, std::uint64_t> lost;
    Losses unsent;
    std::map<std::string, std::size_t> rows;
    /// Reading problems of the latest window, by table.
    std::map<std::string, std::string> faults;
  };

  void load(const std::string& name, const bpf::Filters& filters);
  void consume(Loaded& loaded);
  void watch_new_processes(BootTime now);
  void send_probe(Loaded& loaded, Instant now, Outbox& out);
  void send_pending(Loaded& loaded, Instant now, Outbox& out);
  static void take_losses(Loaded& loaded);
  /// The rows of one table in one window.
  struct Rows {
    const bpf::TableSchema& table;
    const Batch& batch;
    std::uint64_t lost;
  };
  void send(const Loaded& loaded, const Rows& rows, Instant now, Outbox& out) const;
  static void report_probe(const Loaded& loaded, SelfReport& report);
  static void report_hooks(const Loaded& loaded, SelfReport& report);
  static void report_cost(const Loaded& loaded, SelfReport& report);

  Config config_;
  std::string machine_id_;
  std::string share_directory_;
  Duration period_;
  Tunables tunables_;
  std::vector<Loaded> loaded_;
  std::vector<std::uint32_t> watched_;
  BootTime searched_at_;
  BootTime window_started_;
  FileDescriptor statistics_;
  std::vector<std::string> complaints_;
};

}  // namespace gala::ebpf_source
