// ebpf-source: loads probes and sends what they measured as Records each period.
#include "stages/ebpf-source/ebpf_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "runtime/bpf/capabilities.h"
#include "runtime/bpf/schema.h"
#include "stages/ebpf-source/append.h"
#include "stages/ebpf-source/watched.h"

namespace gala::ebpf_source {
namespace {

constexpr std::string_view port = "records";
constexpr const char* procfs = "/proc";
/// Rows of rings that are held at most until the window ends; then they leave early.
constexpr std::size_t max_pending_rows = 10'000;

/// Where the unified cgroup hierarchy is mounted on pure and on hybrid systems.
std::string unified_mount() {
  const std::string hybrid = "/sys/fs/cgroup/unified";
  return ::access((hybrid + "/cgroup.procs").c_str(), F_OK) == 0 ? hybrid : "/sys/fs/cgroup";
}

std::string table_name(std::string_view probe, std::string_view table) {
  return fmt::format("{}.{}", probe, table);
}

/// One sentence for a hook that is not attached.
std::string complain(const std::string& probe, const bpf::Attachment& hook) {
  const std::string reason =
      hook.refused.empty() ? "no alternative fits this kernel" : hook.refused.back();
  return fmt::format(
      "probe {} cannot see when {} ({}); {}; a kernel that has this hook is needed, see "
      "gala doctor",
      probe, hook.hook, reason, hook.lost);
}

}  // namespace

StageDescription EbpfSource::describe() {
  return {.name = "ebpf-source",
          .about = "Loads BPF probes and sends what they measure in the kernel.",
          .inputs = {},
          .outputs = {{std::string(port),
                       {wire::MessageType::records},
                       "One message for each table <probe>.<table> and period."}},
          .needs =
              "root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, and a kernel with BTF; without "
              "them the stage runs and sends nothing"};
}

RecordSchemas EbpfSource::records(const std::string& share_directory) {
  RecordSchemas schemas;
  for (const std::string& probe : installed_probes(share_directory)) {
    const ProbeFiles files = probe_files(share_directory, probe);
    const auto schema = bpf::probe_schema(files.object, files.description);
    if (!schema) {
      continue;  // `check` tells whoever uses it
    }
    for (const bpf::TableSchema& table : schema->tables) {
      RecordTable& record = schemas[table_name(probe, table.name)];
      record.columns = table.record_columns();
      for (const bpf::TaughtFact& taught : schema->description.find_table(table.name)->teaches) {
        record.teaches.emplace(taught.fact, taught.column);
      }
    }
  }
  return schemas;
}

void EbpfSource::check(const Config& config, const StageContext& context, const Value& section,
                       Diagnostics& diagnostics) {
  ProbeDescriptions known;
  for (const std::string& probe : installed_probes(context.share_directory)) {
    const ProbeFiles files = probe_files(context.share_directory, probe);
    auto schema = bpf::probe_schema(files.object, files.description);
    if (schema) {
      known.emplace(probe, std::move(schema->description));
      continue;
    }
    known.emplace(probe, bpf::Description{});
    if (std::find(config.probes.begin(), config.probes.end(), probe) != config.probes.end()) {
      diagnostics.error(section.place(),
                        fmt::format("probe {} cannot be used: {}", probe, schema.error().what));
    }
  }
  check_choice({config.probes, config.tunables}, known, section, diagnostics);
  for (const std::string& word : config.ports) {
    if (!parse_port(word)) {
      const Value* list = section.find("ports");
      diagnostics.error(list == nullptr ? section.place() : list->place(),
                        fmt::format("\"{}\" is not a port (0 to 65535)", word));
    }
  }
}

EbpfSource::EbpfSource(const Config& config, const StageContext& context)
    : config_(config),
      machine_id_(context.machine_id),
      share_directory_(context.share_directory),
      period_(context.period),
      tunables_(split_tunables(config.tunables)) {}

Result<> EbpfSource::start(Instant now) {
  window_started_ = now.boot;
  searched_at_ = now.boot;
  if (const auto reason = bpf::why_not_privileged()) {
    complaints_.push_back(*reason);
    return {};
  }
  bpf::Filters filters;
  std::vector<std::string> missing;
  watched_ = find_processes(config_.processes, procfs);
  filters.tgids = watched_;
  filters.cgroup_ids = find_cgroups(config_.cgroups, unified_mount(), missing);
  for (const std::string& path : missing) {
    complaints_.push_back(
        fmt::format("cgroup \"{}\" does not exist, so nothing in it is watched; "
                    "create it first, or correct `cgroups`",
                    path));
  }
  for (const std::string& word : config_.ports) {
    filters.ports.push_back(parse_port(word).value_or(0));
  }
  if (config_.stats) {
    auto statistics = bpf::enable_run_time_statistics();
    if (statistics) {
      statistics_ = std::move(*statistics);
    } else {
      complaints_.push_back(statistics.error().what +
                            "; the cost of probes is not reported; `stats` needs CAP_SYS_ADMIN");
    }
  }
  for (const std::string& probe : config_.probes) {
    load(probe, filters);
  }
  if (config_.drop_privileges) {
    if (const auto dropped = bpf::drop_capabilities(); !dropped) {
      complaints_.push_back(dropped.error().what + "; the stage keeps all its privileges");
    }
  }
  return {};
}

void EbpfSource::load(const std::string& name, const bpf::Filters& filters) {
  const ProbeFiles files = probe_files(share_directory_, name);
  bpf::ProbeOptions options;
  options.filters = filters;
  if (const auto given = tunables_.find(name); given != tunables_.end()) {
    options.tunables = given->second;
  }
  auto probe = bpf::Probe::open(files.object, files.description, options);
  if (!probe) {
    complaints_.push_back(
        fmt::format("probe {} is not loaded: {}; its tables {}.* stay empty; run "
                    "gala doctor to see what this kernel lacks",
                    name, probe.error().what, name));
    return;
  }
  loaded_.emplace_back(name, std::move(*probe));
}

std::vector<int> EbpfSource::descriptors() {
  std::vector<int> rings;
  for (const Loaded& loaded : loaded_) {
    if (loaded.probe.ring_descriptor() >= 0) {
      rings.push_back(loaded.probe.ring_descriptor());
    }
  }
  return rings;
}

void EbpfSource::on_readable(Instant now, Outbox& out) {
  for (Loaded& loaded : loaded_) {
    consume(loaded);
    if (loaded.pending_rows >= max_pending_rows) {
      send_pending(loaded, now, out);
    }
  }
}

void EbpfSource::consume(Loaded& loaded) {
  auto tables = loaded.probe.consume();
  if (!tables) {
    loaded.faults["rings"] = tables.error().what;
    return;
  }
  loaded.faults.erase("rings");
  for (bpf::TableRows& table : *tables) {
    loaded.pending_rows += table.batch.rows();
    append_rows(loaded.pending[table.table], std::move(table.batch));
  }
}

void EbpfSource::tick(Instant now, Outbox& out) {
  watch_new_processes(now.boot);
  for (Loaded& loaded : loaded_) {
    send_probe(loaded, now, out);
  }
  window_started_ = now.boot;
}

void EbpfSource::watch_new_processes(BootTime now) {
  if (config_.processes.empty() || loaded_.empty() ||
      now - searched_at_ < config_.processes_period) {
    return;
  }
  searched_at_ = now;
  std::vector<std::uint32_t> found = find_processes(config_.processes, procfs);
  if (found == watched_) {
    return;
  }
  watched_ = std::move(found);
  for (Loaded& loaded : loaded_) {
    const auto changed = loaded.probe.watch_processes(watched_);
    if (changed) {
      loaded.faults.erase("filter");
    } else {
      loaded.faults["filter"] = changed.error().what;
    }
  }
}

void EbpfSource::send_probe(Loaded& loaded, Instant now, Outbox& out) {
  if (const auto advanced = loaded.probe.advance_window(); advanced) {
    loaded.faults.erase("window");
  } else {
    loaded.faults["window"] = advanced.error().what;
  }
  take_losses(loaded);
  for (const bpf::TableSchema& table : loaded.probe.schema().tables) {
    if (table.kind == bpf::TableKind::ring) {
      continue;
    }
    const auto batch = loaded.probe.read(table.name);
    if (!batch) {
      loaded.faults[table.name] = batch.error().what;
      continue;
    }
    loaded.faults.erase(table.name);
    // A table without rows is sent, too: a row that is absent from it has ended.
    send(loaded, {table, *batch, std::exchange(loaded.unsent.of_maps, 0)}, now, out);
    loaded.rows[table.name] = batch->rows();
  }
  consume(loaded);
  send_pending(loaded, now, out);
}

void EbpfSource::send_pending(Loaded& loaded, Instant now, Outbox& out) {
  for (const bpf::TableSchema& table : loaded.probe.schema().tables) {
    if (table.kind != bpf::TableKind::ring) {
      continue;
    }
    const Batch& batch = loaded.pending[table.name];
    loaded.rows[table.name] = batch.rows();
    if (batch.rows() > 0) {
      send(loaded, {table, batch, std::exchange(loaded.unsent.of_rings, 0)}, now, out);
    }
  }
  loaded.pending.clear();
  loaded.pending_rows = 0;
}

void EbpfSource::take_losses(Loaded& loaded) {
  auto lost = loaded.probe.lost();
  if (!lost) {
    loaded.faults["losses"] = lost.error().what;
    return;
  }
  loaded.faults.erase("losses");
  for (const auto& [reason, count] : *lost) {
    const std::uint64_t more = count - std::min(count, loaded.lost[reason]);
    (reason.starts_with("ring") ? loaded.unsent.of_rings : loaded.unsent.of_maps) += more;
  }
  loaded.lost = std::move(*lost);
}

void EbpfSource::send(const Loaded& loaded, const Rows& rows, Instant now, Outbox& out) const {
  const BatchWindow window{.machine_id = machine_id_,
                           .start_ns = window_started_.ns(),
                           .end_ns = now.boot.ns(),
                           .wall_offset_ns = now.wall_offset_ns(),
                           .lost = rows.lost};
  const std::string name = table_name(loaded.name, rows.table.name);
  out.send(port, wire::MessageType::records, name,
           to_records(rows.batch, name, window, rows.table.kind == bpf::TableKind::map));
}

void EbpfSource::report(SelfReport& report) const {
  report.complaints = complaints_;
  report.gauges.push_back(
      {"probes_loaded", static_cast<double>(loaded_.size()), "Probes that are in the kernel."});
  for (const Loaded& loaded : loaded_) {
    report_probe(loaded, report);
    report_hooks(loaded, report);
    if (statistics_) {
      report_cost(loaded, report);
    }
  }
}

void EbpfSource::report_probe(const Loaded& loaded, SelfReport& report) {
  for (const auto& [table, rows] : loaded.rows) {
    report.gauges.push_back({fmt::format("rows_{}_{}", loaded.name, table),
                             static_cast<double>(rows), "Rows of the latest message."});
  }
  std::uint64_t all_lost = 0;
  for (const auto& [reason, count] : loaded.lost) {
    all_lost += count;
    report.gauges.push_back({fmt::format("lost_{}_{}", loaded.name, reason),
                             static_cast<double>(count),
                             "Rows and events the kernel side could not keep, since start."});
  }
  report.gauges.push_back({fmt::format("map_bytes_{}", loaded.name),
                           static_cast<double>(loaded.probe.map_bytes()),
                           "Memory of the probe's maps."});
  for (const auto& [what, fault] : loaded.faults) {
    report.complaints.push_back(fmt::format(
        "probe {}: {} cannot be read ({}); its rows are missing", loaded.name, what, fault));
  }
}

void EbpfSource::report_hooks(const Loaded& loaded, SelfReport& report) {
  std::size_t number = 0;
  for (const bpf::Attachment& hook : loaded.probe.attachments()) {
    // Which alternative is in use: 0 the best, 1 the next, …, −1 none.
    const double taken = hook.taken.empty() ? -1 : static_cast<double>(hook.refused.size());
    report.gauges.push_back({fmt::format("hook_{}_{}", loaded.name, number++), taken,
                             fmt::format("Alternative in use when {}: {}", hook.hook,
                                         hook.taken.empty() ? "none" : hook.taken)});
    if (!hook.lost.empty()) {
      report.complaints.push_back(complain(loaded.name, hook));
    }
  }
}

void EbpfSource::report_cost(const Loaded& loaded, SelfReport& report) {
  double runs = 0;
  double run_time_ns = 0;
  for (const bpf::ProgramCost& cost : loaded.probe.costs()) {
    runs += static_cast<double>(cost.runs);
    run_time_ns += static_cast<double>(cost.run_time_ns);
  }
  report.gauges.push_back({fmt::format("bpf_runs_{}", loaded.name), runs,
                           "Runs of the probe's BPF programs since start."});
  report.gauges.push_back({fmt::format("bpf_run_time_ns_{}", loaded.name), run_time_ns,
                           "Time inside the probe's BPF programs since start."});
}

}  // namespace gala::ebpf_source
