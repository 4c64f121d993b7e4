// Facts about the host.
#include "stages/proc-source/host.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>

#include "stages/proc-source/text.h"
#include "stages/proc-source/virtual_machine.h"

namespace gala::proc_source {
namespace {

/// DMI vendors of machines that are not real.
constexpr std::array<std::string_view, 10> virtual_vendors{
    "QEMU",   "VMware", "innotek", "Xen",       "Amazon EC2",
    "Google", "KVM",    "Bochs",   "Parallels", "OpenStack",
};

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1";
}

}  // namespace

std::string os_release_value(std::string_view text, std::string_view key) {
  Lines lines(text);
  while (const auto line = lines.next()) {
    const Halves halves = split_once(trimmed(*line), '=');
    if (halves.first != key) {
      continue;
    }
    std::string_view value = halves.second;
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    return std::string(value);
  }
  return {};
}

void parse_boot(std::string_view stat, HostRow& row) {
  double cpus = 0;
  Lines lines(stat);
  while (const auto line = lines.next()) {
    Words words(*line);
    const auto key = words.next();
    if (key == "btime") {
      row.boot_time_s = parse_unsigned(words.next()).value_or(0);
    } else if (key.starts_with("cpu") && key.size() > 3) {
      ++cpus;
    }
  }
  row.cpu_count = cpus > 0 ? cpus : not_measured;
}

bool is_virtual(std::string_view cpuinfo, std::string_view vendor) {
  Lines lines(cpuinfo);
  while (const auto line = lines.next()) {
    if (!line->starts_with("flags")) {
      continue;
    }
    Words words(*line);
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      if (word == "hypervisor") {
        return true;
      }
    }
    break;  // all CPUs are alike
  }
  return std::any_of(virtual_vendors.begin(), virtual_vendors.end(),
                     [&](std::string_view one) { return vendor.starts_with(one); });
}

void set_addresses(const AddressesByNic& addresses, const std::vector<NicRow>& nics, HostRow& row) {
  std::vector<std::string> ordered;
  for (const bool physical : {true, false}) {
    for (const NicRow& nic : nics) {
      const auto found = addresses.find(nic.dev_name);
      if (found == addresses.end() || (nic.physical == 1) != physical) {
        continue;
      }
      std::copy_if(found->second.begin(), found->second.end(), std::back_inserter(ordered),
                   [](const std::string& address) { return !is_loopback(address); });
    }
  }
  for (const std::string& address : ordered) {
    row.addresses.append(row.addresses.empty() ? "" : ",").append(address);
  }
  row.ip_addr = ordered.empty() ? "" : ordered.front();
}

HostRow read_host(Files& files, BootTime now, const KernelUnits& units,
                  const std::vector<NicRow>& nics) {
  HostRow row;
  constexpr double ns_per_s = 1e9;
  row.clock_ticks = static_cast<std::uint64_t>(ns_per_s / units.ns_per_tick);
  row.uptime_ns = static_cast<double>(now.ns());
  const auto release = files.read("etc/os-release");
  row.os_version = os_release_value(release.value_or(std::string_view{}), "PRETTY_NAME");
  row.os_name = os_release_value(release.value_or(std::string_view{}), "NAME");
  row.hostname = files.line("proc/sys/kernel/hostname");
  row.kernel_version = files.line("proc/sys/kernel/osrelease");
  row.architecture = files.line("proc/sys/kernel/arch");  // since Linux 6.1
  if (row.architecture.empty() && files.live()) {
    utsname names{};
    row.architecture = ::uname(&names) == 0 ? names.machine : "";
  }
  if (const auto text = files.read("proc/stat")) {
    parse_boot(*text, row);
  }
  const std::string vendor = files.line("sys/class/dmi/id/sys_vendor");
  const auto cpuinfo = files.read("proc/cpuinfo");
  row.host_type = is_virtual(cpuinfo.value_or(std::string_view{}), vendor) ? "vm" : "pm";
  row.uuid = lower_case(files.line("sys/class/dmi/id/product_uuid"));
  row.processes = static_cast<double>(files.list_numbers("proc").size());
  const std::string load = files.line("proc/loadavg");
  const auto tasks = load.find('/');
  row.threads = tasks == std::string::npos
                    ? not_measured
                    : parse_number(Words(std::string_view(load).substr(tasks + 1)).next());
  row.threads_limit = files.number("proc/sys/kernel/threads-max");
  row.pid_limit = files.number("proc/sys/kernel/pid_max");
  set_addresses(files.live() ? read_addresses() : AddressesByNic{}, nics, row);
  return row;
}

}  // namespace gala::proc_source
