// Disks and partitions: what was read and written, how long it took, what waits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/core/time.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// What rarely changes of a block device.
struct DiskFacts {
  /// The whole disk; the device itself when it is no partition.
  std::string disk_name;
  /// What the device mapper calls it: "vg-root" of dm-0.
  std::string mapped_name;
  std::string scheduler;
  /// File or device behind a loop device or a zram.
  std::string backing_file;
  /// Devices built on it (device mapper, md), comma separated.
  std::string holders;
  /// Devices that it is built on, as /sys spells them.
  std::vector<std::string> slaves;
  std::string mount_on;
  std::uint64_t partition = 0;
  std::uint64_t rotational = 0;
  std::uint64_t read_only = 0;
  double queue_limit = not_measured;
  double size_bytes = not_measured;
};

/// A block device in one window.
struct DiskRow : DiskFacts {
  static constexpr std::string_view table = "system.disk";
  static constexpr std::array teaches{Teaches{Fact::disk_name, "disk_name"},
                                      Teaches{Fact::blk_name, "blk_name"}};
  using Row = DiskRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"blk_name", &Row::blk_name},
        Text<Row>{"disk_name", &Row::disk_name},
        Gauge<Row>{"major", &Row::major},
        Gauge<Row>{"minor", &Row::minor},
        Integer<Row>{"device", &Row::device},
        Integer<Row>{"partition", &Row::partition},
        Integer<Row>{"rotational", &Row::rotational},
        Integer<Row>{"read_only", &Row::read_only},
        Text<Row>{"mapped_name", &Row::mapped_name},
        Text<Row>{"scheduler", &Row::scheduler},
        Text<Row>{"backing_file", &Row::backing_file},
        Text<Row>{"holders", &Row::holders},
        Text<Row>{"beneath", &Row::beneath},
        Text<Row>{"mount_on", &Row::mount_on},
        Counter<Row>{"reads_count", &Row::reads_count},
        Counter<Row>{"reads_merged_count", &Row::reads_merged_count},
        Counter<Row>{"read_bytes", &Row::read_bytes},
        Counter<Row>{"read_time_ns", &Row::read_time_ns},
        Counter<Row>{"writes_count", &Row::writes_count},
        Counter<Row>{"writes_merged_count", &Row::writes_merged_count},
        Counter<Row>{"write_bytes", &Row::write_bytes},
        Counter<Row>{"write_time_ns", &Row::write_time_ns},
        Counter<Row>{"discards_count", &Row::discards_count},
        Counter<Row>{"discard_bytes", &Row::discard_bytes},
        Counter<Row>{"discard_time_ns", &Row::discard_time_ns},
        Counter<Row>{"flushes_count", &Row::flushes_count},
        Counter<Row>{"flush_time_ns", &Row::flush_time_ns},
        Counter<Row>{"busy_ns", &Row::busy_ns},
        Counter<Row>{"weighted_time_ns", &Row::weighted_time_ns},
        Counter<Row>{"ios_count", &Row::ios_count},
        Counter<Row>{"io_time_ns", &Row::io_time_ns},
        Gauge<Row>{"in_flight", &Row::in_flight},
        Gauge<Row>{"queue_limit", &Row::queue_limit},
        Gauge<Row>{"size_bytes", &Row::size_bytes},
    };
  }

  std::string blk_name;
  /// Whole disks that it stands on directly, comma separated (see disk_stack.h).
  std::string beneath;
  std::vector<std::string> stands_on;
  /// Not measured for a hidden device (a path of NVMe multipath), which diskstats prints as 0:0.
  double major = not_measured;
  double minor = not_measured;
  /// dev_t as the kernel itself writes it: major << 20 | minor; 0 = hidden.
  std::uint64_t device = 0;
  double reads_count = not_measured;
  double reads_merged_count = not_measured;
  double read_bytes = not_measured;
  double read_time_ns = not_measured;
  double writes_count = not_measured;
  double writes_merged_count = not_measured;
  double write_bytes = not_measured;
  double write_time_ns = not_measured;
  double discards_count = not_measured;
  double discard_bytes = not_measured;
  double discard_time_ns = not_measured;
  double flushes_count = not_measured;
  double flush_time_ns = not_measured;
  double busy_ns = not_measured;
  double weighted_time_ns = not_measured;
  double ios_count = not_measured;
  double io_time_ns = not_measured;
  double in_flight = not_measured;
};

/// The kernel's own form of a device number.
constexpr std::uint64_t device_number(std::uint64_t major, std::uint64_t minor) {
  return major << 20 | minor;
}

/// /proc/diskstats with 14 columns (before Linux 4.18), 18 (discards) or 20 (flushes, 5.5). Lines
/// with fewer are left out: those were written for partitions by kernels before 2.6.25. Names may
/// hold blanks: all lines of one kernel have equally many numbers, the name is what precedes them.
std::vector<DiskRow> parse_diskstats(std::string_view text);

/// The scheduler in brackets: "mq-deadline" of "[mq-deadline] none".
std::string parse_scheduler(std::string_view text);

/// Name of a block device below /sys, where "!" stands for a slash: "cciss!c0d0".
std::string sysfs_name(std::string_view blk_name);

/// All block devices that were ever used or have a size.
class DiskScan {
 public:
  explicit DiskScan(Duration facts_period) : facts_period_(facts_period) {}

  /// `mount_points` names the first mount point of a device number.
  std::vector<DiskRow> scan(Files& files, BootTime now,
                            const std::map<std::uint64_t, std::string>& mount_points);

 private:
  static DiskFacts read_facts(Files& files, const DiskRow& row);

  Duration facts_period_;
  BootTime facts_read_at_;
  /// By name and number: either may come to mean another device.
  std::map<std::pair<std::string, std::uint64_t>, DiskFacts> facts_;
};

}  // namespace gala::proc_source
