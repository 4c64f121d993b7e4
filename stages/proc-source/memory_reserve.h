// Memory that was set aside on purpose: that programs cannot have it is no shortage.
#pragma once

#include <deque>
#include <utility>

#include "runtime/core/time.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/memory.h"

namespace gala::proc_source {

/// Huge pages of all sizes.
struct HugePages {
  double bytes = 0;
  /// Of these: taken from ordinary memory when a program asked, given back when it ends.
  double surplus_bytes = 0;
};
/// From /sys, which tells each size; before Linux 4.15 /proc/meminfo knows the default size only.
HugePages read_huge_pages(Files& files, const MemoryRow& row);

/// What a hypervisor took back from this guest while it still counts in MemTotal. Drivers either
/// lower MemTotal or do not: memory that is used for nothing else is the balloon's.
double balloon_bytes(const MemoryRow& row, double page_bytes);

/// What a cache gives back that MemAvailable does not know of: the ARC of ZFS.
double read_evictable_bytes(Files& files);

/// The least value of some time.
class RecentMinimum {
 public:
  explicit RecentMinimum(Duration period) : period_(period) {}

  /// Takes a value; gives the least of those not older than the period.
  double add(BootTime now, double value);

 private:
  Duration period_;
  /// Ascending values, each later than the one before.
  std::deque<std::pair<BootTime, double>> values_;
};

/// Reads the host's memory each period.
///
/// - Set aside: persistent huge pages, a balloon, the kernel's own reserve. (What a crash kernel
///   reserves is not in MemTotal to begin with.) Ordinary programs can never have it.
/// - Held: shared memory and tmpfs, locked memory, surplus huge pages, as much as was there all the
///   time of `held_period`: guests and databases that took their memory once. What grows is not
///   held but used, however it is allocated.
class MemoryScan {
 public:
  MemoryScan(Duration held_period, double page_bytes)
      : held_(held_period), page_bytes_(page_bytes) {}

  MemoryRow scan(Files& files, BootTime now);

 private:
  RecentMinimum held_;
  double page_bytes_;
};

}  // namespace gala::proc_source
