// Facts about the host: system, kernel, size, addresses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "runtime/core/time.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/nic.h"
#include "stages/proc-source/process_text.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

struct HostRow {
  static constexpr std::string_view table = "system.host";
  using Row = HostRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"os_version", &Row::os_version},
        Text<Row>{"os_name", &Row::os_name},
        Text<Row>{"hostname", &Row::hostname},
        Text<Row>{"kernel_version", &Row::kernel_version},
        Text<Row>{"architecture", &Row::architecture},
        Text<Row>{"host_type", &Row::host_type},
        Text<Row>{"uuid", &Row::uuid},
        Text<Row>{"ip_addr", &Row::ip_addr},
        Text<Row>{"addresses", &Row::addresses},
        Integer<Row>{"boot_time_s", &Row::boot_time_s},
        Integer<Row>{"clock_ticks", &Row::clock_ticks},
        Gauge<Row>{"value", &Row::value},
        Gauge<Row>{"cpu_count", &Row::cpu_count},
        Gauge<Row>{"memory_bytes", &Row::memory_bytes},
        Gauge<Row>{"uptime_ns", &Row::uptime_ns},
        Gauge<Row>{"processes", &Row::processes},
        Gauge<Row>{"threads", &Row::threads},
        Gauge<Row>{"threads_limit", &Row::threads_limit},
        Gauge<Row>{"pid_limit", &Row::pid_limit},
    };
  }

  std::string os_version;
  std::string os_name;
  std::string hostname;
  std::string kernel_version;
  std::string architecture;
  /// "vm" or "pm" (physical).
  std::string host_type;
  /// What the firmware (of a virtual machine: its emulator) gives; "" without root.
  std::string uuid;
  /// Address that other hosts most likely know it by, and all, comma separated.
  std::string ip_addr;
  std::string addresses;
  /// Unix time; changes when the clock is set.
  std::uint64_t boot_time_s = 0;
  std::uint64_t clock_ticks = 0;
  /// Always 1: the series exists while the host does.
  double value = 1;
  double cpu_count = not_measured;
  double memory_bytes = not_measured;
  double uptime_ns = not_measured;
  double processes = not_measured;
  double threads = not_measured;
  double threads_limit = not_measured;
  double pid_limit = not_measured;
};

/// The value of a key of /etc/os-release, without quotes; "" when absent.
std::string os_release_value(std::string_view text, std::string_view key);

/// /proc/stat's boot time and the number of CPUs.
void parse_boot(std::string_view stat, HostRow& row);

/// Whether /proc/cpuinfo says that a hypervisor runs this host, or else DMI's vendor does (arm64
/// has no flag).
bool is_virtual(std::string_view cpuinfo, std::string_view vendor);

/// Chooses `ip_addr` and lists `addresses`: a physical interface's first, loopback never.
void set_addresses(const AddressesByNic& addresses, const std::vector<NicRow>& nics, HostRow& row);

/// All of it. `processes` and `memory_bytes` are known from other tables.
HostRow read_host(Files& files, BootTime now, const KernelUnits& units,
                  const std::vector<NicRow>& nics);

}  // namespace gala::proc_source
