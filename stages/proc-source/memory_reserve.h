// Memory that was set aside on purpose: that programs cannot have it is no shortage.
#pragma once

#include <optional>

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

/// How much of a changing amount somebody took once and keeps. A rise counts when the amount has
/// stopped rising: half a period whose least amount is no larger than that of the half before. So
/// what grows slowly is never kept, however slowly it grows. A fall counts at once.
class KeptAmount {
 public:
  explicit KeptAmount(Duration period) : half_period_(period / 2) {}

  /// Takes the present amount and returns how much of it is kept: the first one is, as a whole.
  double add(BootTime now, double amount);

 private:
  Duration half_period_;
  std::optional<BootTime> began_;
  /// The least amount of this half period and of the one before.
  double least_ = 0;
  double least_before_ = 0;
  double kept_ = 0;
};

/// Reads the host's memory each period.
///
/// - Set aside: persistent huge pages, a balloon, the kernel's own reserve. (What a crash kernel
///   reserves is not in MemTotal to begin with.) Ordinary programs can never have it.
/// - Held: shared memory and tmpfs, locked memory and surplus huge pages that have not grown for
///   `held_period`: guests and databases that took their memory once. What grows is used, not held,
///   however slowly it grows.
class MemoryScan {
 public:
  MemoryScan(Duration held_period, double page_bytes)
      : held_(held_period), page_bytes_(page_bytes) {}

  MemoryRow scan(Files& files, BootTime now);

 private:
  KeptAmount held_;
  double page_bytes_;
};

}  // namespace gala::proc_source
