// Reads the cgroups in which processes live, with all their ancestors below the root.
#include "stages/proc-source/cgroup_scan.h"

#include <cmath>
#include <string_view>

#include "stages/proc-source/pressure.h"
#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

template <class Parse>
void read_with(Files& files, const std::string& path, Parse parse) {
  if (const auto text = files.read(path)) {
    parse(*text);
  }
}

/// A parser of files that hold one number.
auto into(double CgroupRow::* member) {
  return [member](std::string_view text, CgroupRow& row) {
    row.*member = parse_number(trimmed(text));
  };
}

void read_v2_usage(Files& files, const std::string& directory, CgroupRow& row) {
  const auto parse_with = [&](const char* name, void (*parse)(std::string_view, CgroupRow&)) {
    read_with(files, directory + name, [&](std::string_view text) { parse(text, row); });
  };
  parse_with("cpu.stat", v2::parse_cpu_stat);
  parse_with("memory.stat", v2::parse_memory_stat);
  parse_with("memory.events", v2::parse_memory_events);
  parse_with("io.stat", v2::parse_io_stat);
  parse_with("pids.events", v2::parse_pids_events);
  row.memory_bytes = files.number(directory + "memory.current");
  row.swap_bytes = files.number(directory + "memory.swap.current");
  row.pids = files.number(directory + "pids.current");
  const auto pressure = [&](const char* name, double CgroupRow::* some, double CgroupRow::* full) {
    read_with(files, directory + name, [&](std::string_view text) {
      const PressureRow one = parse_pressure(text);
      row.*some = one.some_ns;
      row.*full = one.full_ns;
    });
  };
  pressure("cpu.pressure", &CgroupRow::cpu_some_ns, &CgroupRow::cpu_full_ns);
  pressure("memory.pressure", &CgroupRow::memory_some_ns, &CgroupRow::memory_full_ns);
  pressure("io.pressure", &CgroupRow::io_some_ns, &CgroupRow::io_full_ns);
}

void read_v2_limits(Files& files, const std::string& directory, CgroupRow& row) {
  read_with(files, directory + "cpu.max",
            [&](std::string_view text) { v2::parse_cpu_max(text, row); });
  row.cpu_weight = files.number(directory + "cpu.weight");
  row.memory_limit_bytes = files.number(directory + "memory.max");
  row.memory_high_bytes = files.number(directory + "memory.high");
  row.memory_peak_bytes = files.number(directory + "memory.peak");
  row.swap_limit_bytes = files.number(directory + "memory.swap.max");
  row.pids_limit = files.number(directory + "pids.max");
}

}  // namespace

std::uint64_t CgroupScan::scan(Files& files, BootTime now,
                               const std::vector<const ProcessRow*>& processes) {
  if (scans_++ == 0) {
    const auto text = files.read("proc/self/mounts");
    mounts_ = parse_cgroup_mounts(text.value_or(std::string_view{}));
  }
  rows_.clear();
  std::uint64_t lost = 0;
  for (const auto& [path, members] : find_paths(processes, lost)) {
    rows_.push_back(read(files, now, path));
    rows_.back().processes = members;
    rows_.back().leaf = members > 0 ? 1 : 0;
  }
  std::erase_if(limits_, [&](const auto& entry) { return entry.second.seen_scan != scans_; });
  return lost;
}

std::map<std::string, std::uint64_t> CgroupScan::find_paths(
    const std::vector<const ProcessRow*>& processes, std::uint64_t& lost) const {
  std::map<std::string, std::uint64_t> members;
  const auto add = [&](const std::string& path, std::uint64_t count) {
    // A path that leaves our cgroup namespace cannot be found below the mounts.
    if (path.size() < 2 || path.find("/..") != std::string::npos) {
      return;
    }
    const auto found = members.find(path);
    if (found != members.end()) {
      found->second += count;
    } else if (members.size() < max_cgroups_) {
      members.emplace(path, count);
    } else {
      ++lost;
    }
  };
  for (const ProcessRow* process : processes) {
    add(process->cgroup, 1);
    for (const std::string* path : {&process->cgroup, &process->cpu_cgroup, &process->memory_cgroup,
                                    &process->io_cgroup, &process->pids_cgroup}) {
      for (std::string each = *path; each.size() > 1; each = parent_of(each)) {
        add(each, 0);
      }
    }
  }
  return members;
}

CgroupRow CgroupScan::read(Files& files, BootTime now, const std::string& path) {
  const std::string unified = mounts_.unified + path + "/";
  Limits& limits = limits_[path];
  if (limits.seen_scan == 0 || now - limits.read_at >= limits_period_) {
    limits.row = CgroupRow{};
    limits.row.cgroup = path;
    limits.row.parent = parent_of(path);
    limits.row.version = mounts_.version();
    limits.read_at = now;
    limits.in_unified = !mounts_.unified.empty() && files.exists(unified);
    if (limits.in_unified) {
      read_v2_limits(files, unified, limits.row);
    }
    read_v1_limits(files, path, limits.row);
    limits.row.cgroup_id = mounts_.has_v1() ? 0 : files.inode(unified);
  }
  limits.seen_scan = scans_;
  CgroupRow row = limits.row;
  if (limits.in_unified) {
    read_v2_usage(files, unified, row);
  }
  // In a hybrid system each controller is in one of the hierarchies; v1 has the last word on its
  // own.
  read_v1_usage(files, path, row);
  derive(row);
  return row;
}

void CgroupScan::read_v1_usage(Files& files, const std::string& path, CgroupRow& row) const {
  const auto parse_with = [&](const std::string& mount, const char* name, auto parse) {
    if (!mount.empty()) {
      read_with(files, mount + path + "/" + name, [&](std::string_view text) { parse(text, row); });
    }
  };
  parse_with(mounts_.cpu, "cpu.stat", v1::parse_cpu_stat);
  parse_with(mounts_.cpu_accounting, "cpuacct.usage", into(&CgroupRow::cpu_ns));
  parse_with(mounts_.cpu_accounting, "cpuacct.stat",
             [this](std::string_view text, CgroupRow& target) {
               v1::parse_cpuacct_stat(text, ns_per_tick_, target);
             });
  parse_with(mounts_.memory, "memory.stat", v1::parse_memory_stat);
  parse_with(mounts_.memory, "memory.oom_control", v1::parse_memory_oom_control);
  parse_with(mounts_.memory, "memory.usage_in_bytes", into(&CgroupRow::memory_bytes));
  parse_with(mounts_.memory, "memory.failcnt", into(&CgroupRow::memory_failures_count));
  parse_with(mounts_.block_io, "blkio.throttle.io_service_bytes_recursive", v1::parse_blkio_bytes);
  parse_with(mounts_.block_io, "blkio.throttle.io_serviced_recursive", v1::parse_blkio_counts);
  parse_with(mounts_.pids, "pids.current", into(&CgroupRow::pids));
  parse_with(mounts_.pids, "pids.events", v2::parse_pids_events);
}

void CgroupScan::read_v1_limits(Files& files, const std::string& path, CgroupRow& row) const {
  const auto number = [&](const std::string& mount, const char* name, double otherwise) {
    return mount.empty() ? otherwise : files.number(mount + path + "/" + name);
  };
  if (!mounts_.cpu.empty()) {
    v1::set_cpu_quota(number(mounts_.cpu, "cpu.cfs_quota_us", 0),
                      number(mounts_.cpu, "cpu.cfs_period_us", 0), row);
    row.cpu_weight = number(mounts_.cpu, "cpu.shares", not_measured);
  }
  if (!mounts_.memory.empty()) {
    const auto limit = [&](const char* name) {
      return v1::limit_of(number(mounts_.memory, name, not_measured));
    };
    row.memory_limit_bytes = limit("memory.limit_in_bytes");
    row.memory_high_bytes = limit("memory.soft_limit_in_bytes");
    row.swap_limit_bytes = limit("memory.memsw.limit_in_bytes");
    row.memory_peak_bytes = number(mounts_.memory, "memory.max_usage_in_bytes", not_measured);
  }
  row.pids_limit = number(mounts_.pids, "pids.max", row.pids_limit);
}

std::unordered_map<std::string, double> memory_left(const std::vector<CgroupRow>& rows) {
  std::unordered_map<std::string, const CgroupRow*> by_path;
  for (const CgroupRow& row : rows) {
    by_path.emplace(row.cgroup, &row);
  }
  std::unordered_map<std::string, double> left;
  for (const CgroupRow& row : rows) {
    double least = not_measured;
    const CgroupRow* group = &row;
    // As many steps as there are groups: paths that a broken tree makes a circle of end, too.
    for (std::size_t step = 0; step < rows.size() && group != nullptr; ++step) {
      const double used =
          std::isnan(group->working_set_bytes) ? group->memory_bytes : group->working_set_bytes;
      const double room = group->memory_limit_bytes - used;  // not measured without a limit
      least = std::fmin(least, room < 0 ? 0 : room);
      const auto above = by_path.find(group->parent);
      group = above == by_path.end() || above->second == group ? nullptr : above->second;
    }
    if (std::isfinite(least)) {
      left.emplace(row.cgroup, least);
    }
  }
  return left;
}

}  // namespace gala::proc_source
