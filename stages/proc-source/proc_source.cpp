// proc-source: one Records message for each table and period.
#include "stages/proc-source/proc_source.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "stages/proc-source/disk_stack.h"
#include "stages/proc-source/host.h"
#include "stages/proc-source/jvm.h"
#include "stages/proc-source/network.h"
#include "stages/proc-source/pressure.h"
#include "stages/proc-source/translation.h"

namespace gala::proc_source {
namespace {

constexpr std::string_view port = "records";
constexpr std::string_view prefix = "system.";

KernelUnits kernel_units() {
  constexpr double ns_per_s = 1e9;
  const long ticks = ::sysconf(_SC_CLK_TCK);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  KernelUnits units;
  if (ticks > 0) {
    units.ns_per_tick = ns_per_s / static_cast<double>(ticks);
  }
  if (page_bytes > 0) {
    units.page_bytes = static_cast<double>(page_bytes);
  }
  return units;
}

/// Five descriptors are kept for each process, so the soft limit of 1024 would not go far.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

ProcessScanSettings scan_settings(const ProcSource::Config& config, const KernelUnits& units) {
  return {.comms = config.processes,
          .cgroups = config.cgroups,
          .kernel_threads = config.kernel_threads,
          .max_processes = static_cast<std::size_t>(config.max_processes),
          .detail_period = config.facts_period,
          .units = units};
}

}  // namespace

StageDescription ProcSource::describe() {
  return {.name = "proc-source",
          .about =
              "Reads processes, cgroups, CPUs, memory, disks, filesystems, interfaces, protocol "
              "counters and pressure from /proc, /sys and netlink.",
          .inputs = {},
          .outputs = {{std::string(port),
                       {wire::MessageType::records},
                       "One message for each table system.* and period."}},
          .needs =
              "root, or CAP_SYS_PTRACE for other users' I/O and descriptors and CAP_NET_ADMIN "
              "for sums over threads; without them those columns stay empty"};
}

RecordSchemas ProcSource::records(const std::string& /*share_directory*/) {
  RecordSchemas schemas;
  declare<ProcessRow>(schemas);
  declare<ProcessStatesRow>(schemas);
  declare<ProcessMemoryRow>(schemas);
  declare<JvmRow>(schemas);
  declare<FileChangeRow>(schemas);
  declare<CgroupRow>(schemas);
  declare<CpuRow>(schemas);
  declare<CpuTotalRow>(schemas);
  declare<MemoryRow>(schemas);
  declare<DentryRow>(schemas);
  declare<DiskRow>(schemas);
  declare<DiskLegRow>(schemas);
  declare<FilesystemRow>(schemas);
  declare<NicRow>(schemas);
  declare<QdiscRow>(schemas);
  declare<NicQdiscRow>(schemas);
  declare<NetworkRow>(schemas);
  declare<SocketsRow>(schemas);
  declare<PressureRow>(schemas);
  declare<HostRow>(schemas);
  declare<TranslationRow>(schemas);
  return schemas;
}

void ProcSource::check(const Config& config, const StageContext& context, const Value& section,
                       Diagnostics& diagnostics) {
  std::vector<std::string> known;
  for (const auto& [table, schema] : records(context.share_directory)) {
    known.push_back(table.substr(prefix.size()));
  }
  const Value* list = section.find("tables");
  for (std::size_t i = 0; i < config.tables.size(); ++i) {
    const std::string& word = config.tables[i];
    if (std::find(known.begin(), known.end(), word) != known.end()) {
      continue;
    }
    const bool placed = list != nullptr && list->array() != nullptr && i < list->array()->size();
    diagnostics.error(placed ? (*list->array())[i].place() : section.place(),
                      fmt::format("unknown table \"{}\"{}", word, did_you_mean(word, known)));
  }
}

ProcSource::ProcSource(const Config& config, const StageContext& context)
    : config_(config),
      machine_id_(context.machine_id),
      period_(context.period),
      units_(kernel_units()),
      processes_((raise_descriptor_limit(), scan_settings(config, units_))),
      cgroups_(static_cast<std::size_t>(config.max_cgroups), config.facts_period,
               units_.ns_per_tick),
      file_watch_({.names = config.config_files,
                   .max_files = static_cast<std::size_t>(config.max_config_files),
                   .detail_period = config.facts_period}),
      host_memory_(config.held_period, units_.page_bytes),
      disks_(config.facts_period),
      nics_(config.facts_period) {
  if (std::ranges::find(config_.tables, "disk") != config_.tables.end()) {
    config_.tables.emplace_back("disk_leg");  // disks are told together with what they stand on
  }
}

Result<> ProcSource::start(Instant /*now*/) {
  files_ = TRY(Files::open(config_.root));
  if (!files_->exists("proc/stat")) {
    return fail(fmt::format(
        "\"{}\" holds no proc/stat; set `root` to the root directory of the host", config_.root));
  }
  const auto release = files_->read("etc/os-release");
  os_version_ = os_release_value(release.value_or(std::string_view{}), "PRETTY_NAME");
  if (!files_->live()) {
    return {};  // the kernel's own interfaces tell of this host, not of that directory
  }
  if (auto route = NetlinkSocket::open(NETLINK_ROUTE)) {
    route_ = std::move(*route);
  } else {
    qdisc_complaint_ = route.error().what + "; qdisc drops and backlog are missing";
  }
  use_thread_sums();
  return {};
}

void ProcSource::use_thread_sums() {
  auto stats = TaskStats::open();
  const bool answered = stats && stats->read(static_cast<std::uint32_t>(::getpid()));
  if (answered) {
    processes_.use(std::move(*stats));
    return;
  }
  thread_sums_complaint_ =
      (stats ? std::string("the kernel refuses taskstats without CAP_NET_ADMIN")
             : stats.error().what) +
      "; CPU time and run-queue delay of processes with several threads are those of their main "
      "thread; run as root";
}

bool ProcSource::wants(std::string_view table) const {
  table.remove_prefix(prefix.size());
  return config_.tables.empty() ||
         std::find(config_.tables.begin(), config_.tables.end(), table) != config_.tables.end();
}

bool ProcSource::is_due(std::string_view table, BootTime now, Duration period) const {
  const auto found = sent_.find(table);
  // A tick comes a little early or late; half a pipeline period keeps every nth tick in step.
  return wants(table) && (found == sent_.end() || now - found->second.at + period_ / 2 >= period);
}

template <class Row, class Rows>
void ProcSource::send(const Rows& rows, Instant now, Outbox& out, std::uint64_t lost) {
  if (!wants(Row::table)) {
    return;
  }
  Sent& sent = sent_[std::string(Row::table)];
  const BootTime started = sent.ever ? sent.at : now.boot - period_;
  sent = {.at = now.boot, .rows = rows.size(), .lost = sent.lost + lost, .ever = true};
  if (rows.empty() && lost == 0) {
    return;  // no such thing on this host
  }
  const BatchWindow window{.machine_id = machine_id_,
                           .start_ns = started.ns(),
                           .end_ns = now.boot.ns(),
                           .wall_offset_ns = now.wall_offset_ns(),
                           .lost = lost};
  out.send(port, wire::MessageType::records, Row::table,
           to_records(to_batch<Row>(rows), Row::table, window, false));
}

void ProcSource::tick(Instant now, Outbox& out) {
  if (!files_) {
    return;
  }
  send_cpu(now, out);
  send_memory(now, out);
  send_processes(now, out);
  send_storage(now, out);
  send_network(now, out);
  send<PressureRow>(read_pressure(*files_), now, out);
  if (is_due(HostRow::table, now.boot, config_.facts_period)) {
    send_host(now, out);
  }
}

void ProcSource::send_processes(Instant now, Outbox& out) {
  const bool memory_due = is_due(ProcessMemoryRow::table, now.boot, config_.smaps_period);
  const bool cgroups_due = is_due(CgroupRow::table, now.boot, config_.cgroup_period);
  const bool processes_due = is_due(ProcessRow::table, now.boot, config_.proc_period);
  if (!memory_due && !cgroups_due && !processes_due) {
    return;
  }
  const auto scanned = processes_.scan(*files_, now.boot, memory_);
  unreadable_processes_ = scanned.unreadable;
  last_lost_processes_ = scanned.lost;
  if (processes_due) {
    send<ProcessRow>(processes_.rows(), now, out, scanned.lost);
    ProcessStatesRow states = processes_.states();
    states.os_version = os_version_;
    send<ProcessStatesRow>(std::vector{std::move(states)}, now, out);
    if (wants(JvmRow::table)) {
      send<JvmRow>(read_jvms(*files_, processes_.rows()), now, out);
    }
    if (wants(FileChangeRow::table)) {
      file_watch_.scan(*files_, now.boot, processes_.rows());
      send<FileChangeRow>(file_watch_.rows(), now, out, file_watch_.lost());
    }
  }
  if (cgroups_due) {
    const std::uint64_t lost = cgroups_.scan(*files_, now.boot, processes_.rows());
    memory_.group_left_bytes = memory_left(cgroups_.rows());
    send<CgroupRow>(cgroups_.rows(), now, out, lost);
  }
  if (memory_due) {
    const MemoryScanLimits limits{.rows = static_cast<std::size_t>(config_.max_memory_rows),
                                  .resident_bytes = static_cast<double>(config_.max_memory_bytes)};
    send<ProcessMemoryRow>(processes_.read_memory(*files_, limits), now, out);
  }
}

void ProcSource::send_cpu(Instant now, Outbox& out) {
  CpuSample sample = read_cpu(*files_, units_.ns_per_tick);
  if (clocks_.empty() || now.boot - clocks_read_at_ >= config_.facts_period) {
    clocks_ = sample.cpus;
    clocks_read_at_ = now.boot;
    if (const auto text = files_->read("proc/cpuinfo")) {
      parse_cpu_clocks(*text, clocks_);
    }
  }
  for (std::size_t i = 0; i < std::min(clocks_.size(), sample.cpus.size()); ++i) {
    if (clocks_[i].cpu == sample.cpus[i].cpu) {
      sample.cpus[i].mhz = clocks_[i].mhz;
    }
  }
  send<CpuRow>(sample.cpus, now, out);
  send<CpuTotalRow>(std::vector{sample.total}, now, out);
}

void ProcSource::send_memory(Instant now, Outbox& out) {
  const MemoryRow memory = host_memory_.scan(*files_, now.boot);
  installed_bytes_ = memory_value(memory, "total_bytes");
  memory_.total_bytes = ordinary_bytes(memory);
  memory_.available_bytes = memory_value(memory, "available_bytes");
  send<MemoryRow>(std::vector{memory}, now, out);
  if (wants(DentryRow::table)) {
    send<DentryRow>(std::vector{read_dentry(*files_)}, now, out);
  }
}

void ProcSource::send_storage(Instant now, Outbox& out) {
  if (!wants(FilesystemRow::table) && !wants(DiskRow::table)) {
    return;
  }
  auto filesystems = read_filesystems(*files_, read_usage);
  const auto disks = disks_.scan(*files_, now.boot, mount_points_of(filesystems));
  set_disks(disks, filesystems);
  send<FilesystemRow>(filesystems, now, out);
  send<DiskRow>(disks, now, out);
  if (is_due(DiskLegRow::table, now.boot, config_.facts_period)) {
    constexpr std::size_t most_legs = 4'096;
    std::uint64_t lost = 0;
    send<DiskLegRow>(disk_legs(disks, most_legs, lost), now, out, lost);
  }
}

void ProcSource::send_network(Instant now, Outbox& out) {
  last_nics_ = nics_.scan(*files_, now.boot);
  send<NicRow>(last_nics_, now, out);
  send_qdiscs(last_nics_, now, out);
  if (wants(NetworkRow::table)) {
    send<NetworkRow>(std::vector{read_network(*files_)}, now, out);
  }
  if (wants(SocketsRow::table)) {
    send<SocketsRow>(std::vector{read_sockets(*files_, units_.page_bytes)}, now, out);
  }
  if (is_due(TranslationRow::table, now.boot, config_.facts_period)) {
    constexpr std::size_t most_rows = 5'000;
    std::uint64_t lost = 0;
    send<TranslationRow>(read_translations(*files_, most_rows, lost), now, out, lost);
  }
}

void ProcSource::send_qdiscs(const std::vector<NicRow>& nics, Instant now, Outbox& out) {
  if (!route_ || (!wants(QdiscRow::table) && !wants(NicQdiscRow::table))) {
    return;
  }
  const auto qdiscs = read_qdiscs(*route_, nics);
  if (!qdiscs) {
    qdisc_complaint_ = qdiscs.error().what + "; qdisc drops and backlog are missing";
    return;
  }
  qdisc_complaint_.clear();
  send<QdiscRow>(*qdiscs, now, out);
  send<NicQdiscRow>(sum_by_nic(*qdiscs), now, out);
}

void ProcSource::send_host(Instant now, Outbox& out) {
  HostRow host = read_host(*files_, now.boot, units_, last_nics_);
  host.memory_bytes = installed_bytes_;
  send<HostRow>(std::vector{std::move(host)}, now, out);
}

void ProcSource::report(SelfReport& report) const {
  for (const auto& [table, sent] : sent_) {
    report.gauges.push_back({fmt::format("rows_{}", table.substr(prefix.size())),
                             static_cast<double>(sent.rows), "Rows of the latest message."});
    if (sent.lost > 0) {
      report.gauges.push_back({fmt::format("lost_{}", table.substr(prefix.size())),
                               static_cast<double>(sent.lost),
                               "Rows left out because of a limit, since start."});
    }
  }
  if (unreadable_processes_ > 0) {
    report.complaints.push_back(fmt::format(
        "I/O or open files of {} processes may not be read, so those columns are empty; "
        "run as root or give this program CAP_SYS_PTRACE",
        unreadable_processes_));
  }
  if (last_lost_processes_ > 0) {
    report.complaints.push_back(fmt::format(
        "{} processes are beyond max_processes = {} and not reported; raise it, or narrow "
        "`processes` or `cgroups`",
        last_lost_processes_, config_.max_processes));
  }
  for (const std::string& complaint : {qdisc_complaint_, thread_sums_complaint_}) {
    if (!complaint.empty()) {
      report.complaints.push_back(complaint);
    }
  }
}

}  // namespace gala::proc_source
