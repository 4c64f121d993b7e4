// Scans /proc/PID: known processes are read through files kept open.
#include "stages/proc-source/process_scan.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "stages/proc-source/text.h"
#include "stages/proc-source/virtual_machine.h"

namespace gala::proc_source {
namespace {

constexpr std::size_t max_command_line_bytes = 256;
/// Shells and container runtimes move a process and let it exec soon after its start.
constexpr Duration settling_time = std::chrono::seconds(5);
/// Descriptors left to everything else of this program.
constexpr std::size_t reserved_descriptors = 128;

std::size_t keepable_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= reserved_descriptors) {
    return 0;
  }
  return static_cast<std::size_t>(limit.rlim_cur) - reserved_descriptors;
}

bool matches_one(const std::vector<std::string>& globs, const std::string& text) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
           return ::fnmatch(glob.c_str(), text.c_str(), 0) == 0;
         });
}

std::uint64_t inode_at(int directory, const char* path) {
  struct stat status{};
  return ::fstatat(directory, path, &status, 0) == 0 ? status.st_ino : 0;
}

}  // namespace

ProcessScan::ProcessScan(ProcessScanSettings settings)
    : settings_(std::move(settings)), keepable_(keepable_descriptors()) {}

ProcessScanResult ProcessScan::scan(Files& files, BootTime now, const HostMemory& memory) {
  ++scans_;
  unreadable_ = 0;
  rows_.clear();
  ProcessScanResult result;
  const std::vector<std::uint32_t> pids = files.list_numbers("proc");
  for (const std::uint32_t pid : pids) {
    if (processes_.size() >= settings_.max_processes && !processes_.contains(pid)) {
      ++result.lost;
      continue;
    }
    Process& process = processes_[pid];
    if (read(files, pid, process, now)) {
      process.seen_scan = scans_;
      process.row.derive(memory);
    }
  }
  for (auto entry = processes_.begin(); entry != processes_.end();) {
    const bool gone = entry->second.seen_scan != scans_;
    if (gone) {
      forget_files(entry->second);
    }
    entry = gone ? processes_.erase(entry) : std::next(entry);
  }
  count_states();
  for (const std::uint32_t pid : pids) {
    const auto found = processes_.find(pid);
    if (found != processes_.end() && found->second.wanted) {
      rows_.push_back(&found->second.row);
    }
  }
  result.unreadable = unreadable_;
  return result;
}

void ProcessScan::count_states() {
  states_ = {};
  for (const auto& [pid, process] : processes_) {
    states_.add(process.row);
    const auto parent = process.row.zombie > 0
                            ? processes_.find(static_cast<std::uint32_t>(process.row.ppid))
                            : processes_.end();
    if (parent != processes_.end()) {
      ++parent->second.row.zombie_children;
    }
  }
}

bool ProcessScan::read(Files& files, std::uint32_t pid, Process& process, BootTime now) {
  const std::uint64_t known_start_ns = process.row.start_time_ns;
  const std::string known_comm = process.row.comm;
  if (!read_stat(files, pid, process)) {
    return false;
  }
  ProcessRow& row = process.row;
  const bool is_new = process.seen_scan == 0 || row.start_time_ns != known_start_ns;
  const bool settling =
      now.ns() < row.start_time_ns + static_cast<std::uint64_t>(settling_time.count());
  const bool changed = is_new || settling || row.comm != known_comm;
  const bool details_due = changed || now - process.detailed_at >= settings_.detail_period;
  if (changed) {
    read_namespaces(process);
  }
  if (details_due) {
    read_details(files, process);
    // The first interval differs from process to process, so that not all come due in one scan.
    process.detailed_at = is_new ? now - settings_.detail_period * (pid % 8) / 8 : now;
    process.wanted = passes(row);
  }
  if (process.wanted) {
    const double known_timeslices = row.timeslices_count;
    const double known_cpu_ns = row.cpu_ns;
    read_schedule(files, process);
    // A process that was on no CPU did nothing that its other files count; most processes are idle.
    const bool knows_all_threads = stats_ || !process.sums_threads;
    const bool was_idle = knows_all_threads && row.timeslices_count == known_timeslices &&
                          row.cpu_ns == known_cpu_ns && row.state != "R";
    if (!was_idle || details_due) {
      read_counters(files, process);
    }
    unreadable_ += process.readable ? 0 : 1;
  }
  if (!process.keeps_directory) {
    process.directory = FileDescriptor{};
  }
  return true;
}

bool ProcessScan::open(Files& files, std::uint32_t pid, Process& process) {
  process.directory = files.open_directory(("proc/" + std::to_string(pid)).c_str());
  if (process.directory && keepable_ > 0) {
    --keepable_;
    process.keeps_directory = true;
  }
  return static_cast<bool>(process.directory);
}

bool ProcessScan::read_stat(Files& files, std::uint32_t pid, Process& process) {
  // A kept file belongs to one process for ever: when that has ended it answers "no such process"
  // and a new process with the same number is opened anew.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!process.directory && !open(files, pid, process)) {
      return false;
    }
    const auto text = read_kept(files, process.directory.value(), "stat", process.stat);
    const auto stat = text ? parse_process_stat(*text, settings_.units) : std::nullopt;
    if (stat) {
      process.row.tgid = pid;
      process.row.set(*stat);
      process.child_faults = stat->child_faults_count;
      return true;
    }
    const bool was_known = process.seen_scan != 0;
    forget_files(process);
    process = Process{};
    if (!was_known) {
      return false;
    }
  }
  return false;
}

void ProcessScan::read_schedule(Files& files, Process& process) {
  ProcessRow& row = process.row;
  // Once thread sums were used they stay in use: going back to the main thread would look like a
  // reset.
  process.sums_threads = process.sums_threads || row.threads > 1;
  if (stats_ && process.sums_threads) {
    const ThreadSums sums =
        stats_->read(static_cast<std::uint32_t>(row.tgid)).value_or(ThreadSums{});
    row.cpu_ns = sums.cpu_ns;
    row.run_delay_ns = sums.run_delay_ns;
    row.timeslices_count = sums.timeslices_count;
    return;
  }
  const auto text = read_kept(files, process.directory.value(), "schedstat", process.schedule);
  static_cast<ProcessSchedule&>(row) = text ? parse_process_schedule(*text) : ProcessSchedule{};
}

void ProcessScan::read_counters(Files& files, Process& process) {
  ProcessRow& row = process.row;
  if (row.kernel_thread != 0) {
    return;  // no files, no memory of its own
  }
  const int directory = process.directory.value();
  if (const auto text = read_kept(files, directory, "status", process.status)) {
    static_cast<ProcessStatus&>(row) = parse_process_status(*text);
  }
  const auto io = read_kept(files, directory, "io", process.io);
  static_cast<ProcessIo&>(row) =
      io ? process.own_io.without_children(parse_process_io(*io), process.child_faults)
         : ProcessIo{};
  const auto descriptors = files.count_entries_at(directory, "fd");
  row.fd_count = descriptors ? static_cast<double>(*descriptors) : not_measured;
  process.readable = (io && descriptors) || row.state == "Z";
}

void ProcessScan::read_namespaces(Process& process) {
  const int directory = process.directory.value();
  process.row.net_ns = inode_at(directory, "ns/net");
  process.row.pid_ns = inode_at(directory, "ns/pid");
  process.row.mnt_ns = inode_at(directory, "ns/mnt");
}

void ProcessScan::read_details(Files& files, Process& process) {
  ProcessRow& row = process.row;
  const int directory = process.directory.value();
  if (const auto text = files.read_at(directory, "cgroup")) {
    row.set(parse_process_cgroups(*text));
  }
  if (row.kernel_thread != 0) {
    row.cmdline = "[" + row.comm + "]";
    row.vhost_of = vhost_owner(row.comm);
    return;
  }
  if (const auto text = files.read_at(directory, "cmdline")) {
    row.cmdline = format_command_line(*text, max_command_line_bytes);
    const VirtualMachine machine = parse_virtual_machine(*text);
    row.uuid = machine.uuid;
    row.vm_name = machine.name;
  }
  if (const auto text = files.read_at(directory, "limits")) {
    row.fd_limit = parse_open_files_limit(*text);
  }
  if (const auto text = files.read_at(directory, "oom_score_adj")) {
    row.oom_score_adj = parse_number(trimmed(*text));
  }
}

std::optional<std::string_view> ProcessScan::read_kept(Files& files, int directory,
                                                       const char* name, FileDescriptor& kept) {
  if (kept) {
    return files.reread(kept.value());
  }
  FileDescriptor file = Files::open_file_at(directory, name);
  if (!file) {
    return std::nullopt;
  }
  const auto text = files.reread(file.value());
  if (text && keepable_ > 0) {
    --keepable_;
    kept = std::move(file);
  }
  return text;
}

void ProcessScan::forget_files(Process& process) {
  for (FileDescriptor* file : {&process.stat, &process.status, &process.io, &process.schedule}) {
    keepable_ += *file ? 1 : 0;
    *file = FileDescriptor{};
  }
  keepable_ += process.keeps_directory ? 1 : 0;
  process.keeps_directory = false;
  process.directory = FileDescriptor{};
}

bool ProcessScan::passes(const ProcessRow& row) const {
  return (row.kernel_thread == 0 || settings_.kernel_threads) &&
         matches_one(settings_.comms, row.comm) && matches_one(settings_.cgroups, row.cgroup);
}

std::vector<ProcessMemoryRow> ProcessScan::read_memory(Files& files,
                                                       const MemoryScanLimits& limits) const {
  std::vector<const ProcessRow*> largest;
  std::copy_if(rows_.begin(), rows_.end(), std::back_inserter(largest), [&](const ProcessRow* row) {
    return row->rss_bytes > 0 && row->rss_bytes <= limits.resident_bytes;
  });
  std::sort(largest.begin(), largest.end(), [](const ProcessRow* left, const ProcessRow* right) {
    return left->rss_bytes > right->rss_bytes;
  });
  largest.resize(std::min(largest.size(), limits.rows));
  std::vector<ProcessMemoryRow> memory;
  for (const ProcessRow* row : largest) {
    if (const auto text = files.read("proc/" + std::to_string(row->tgid) + "/smaps_rollup")) {
      ProcessMemoryRow one;
      static_cast<ProcessMaps&>(one) = parse_process_maps(*text);
      one.tgid = row->tgid;
      one.start_time_ns = row->start_time_ns;
      one.comm = row->comm;
      one.cgroup = row->cgroup;
      memory.push_back(std::move(one));
    }
  }
  return memory;
}

}  // namespace gala::proc_source
