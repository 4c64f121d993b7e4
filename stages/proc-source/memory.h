// Memory of the host: what it is used for, and what the kernel had to do to find some.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <tuple>

#include "stages/proc-source/files.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

namespace memory_columns {

inline constexpr auto gauge = wire::Behaviour::gauge;
inline constexpr auto counter = wire::Behaviour::counter;

/// /proc/meminfo, in kB there.
inline constexpr std::array meminfo{
    KeyedColumn{"total_bytes", gauge, "MemTotal", 1024},
    KeyedColumn{"free_bytes", gauge, "MemFree", 1024},
    KeyedColumn{"available_bytes", gauge, "MemAvailable", 1024},
    KeyedColumn{"buffers_bytes", gauge, "Buffers", 1024},
    KeyedColumn{"cache_bytes", gauge, "Cached", 1024},
    KeyedColumn{"active_bytes", gauge, "Active", 1024},
    KeyedColumn{"inactive_bytes", gauge, "Inactive", 1024},
    KeyedColumn{"active_anon_bytes", gauge, "Active(anon)", 1024},
    KeyedColumn{"inactive_anon_bytes", gauge, "Inactive(anon)", 1024},
    KeyedColumn{"active_file_bytes", gauge, "Active(file)", 1024},
    KeyedColumn{"inactive_file_bytes", gauge, "Inactive(file)", 1024},
    KeyedColumn{"swap_total_bytes", gauge, "SwapTotal", 1024},
    KeyedColumn{"swap_free_bytes", gauge, "SwapFree", 1024},
    KeyedColumn{"slab_bytes", gauge, "Slab", 1024},
    KeyedColumn{"slab_reclaimable_bytes", gauge, "SReclaimable", 1024},
    KeyedColumn{"slab_unreclaimable_bytes", gauge, "SUnreclaim", 1024},
    KeyedColumn{"page_tables_bytes", gauge, "PageTables", 1024},
    KeyedColumn{"kernel_stack_bytes", gauge, "KernelStack", 1024},
    KeyedColumn{"mlocked_bytes", gauge, "Mlocked", 1024},
    KeyedColumn{"huge_bytes", gauge, "Hugetlb", 1024},
    KeyedColumn{"huge_total_pages", gauge, "HugePages_Total"},
    KeyedColumn{"huge_free_pages", gauge, "HugePages_Free"},
    KeyedColumn{"huge_surplus_pages", gauge, "HugePages_Surp"},
    KeyedColumn{"huge_page_bytes", gauge, "Hugepagesize", 1024},
    KeyedColumn{"balloon_bytes", gauge, "Balloon", 1024},
    KeyedColumn{"shmem_bytes", gauge, "Shmem", 1024},
    KeyedColumn{"vmalloc_used_bytes", gauge, "VmallocUsed", 1024},
    KeyedColumn{"dirty_bytes", gauge, "Dirty", 1024},
    KeyedColumn{"writeback_bytes", gauge, "Writeback", 1024},
    KeyedColumn{"anon_bytes", gauge, "AnonPages", 1024},
    KeyedColumn{"mapped_bytes", gauge, "Mapped", 1024},
    KeyedColumn{"committed_bytes", gauge, "Committed_AS", 1024},
    KeyedColumn{"commit_limit_bytes", gauge, "CommitLimit", 1024},
};

/// /proc/vmstat. pgpgin and pgpgout are in kB, pswp* in pages.
inline constexpr std::array vmstat{
    KeyedColumn{"page_faults_count", counter, "pgfault"},
    KeyedColumn{"major_faults_count", counter, "pgmajfault"},
    KeyedColumn{"pages_in_bytes", counter, "pgpgin", 1024},
    KeyedColumn{"pages_out_bytes", counter, "pgpgout", 1024},
    KeyedColumn{"swap_in_pages", counter, "pswpin"},
    KeyedColumn{"swap_out_pages", counter, "pswpout"},
    KeyedColumn{"scan_kswapd_count", counter, "pgscan_kswapd"},
    KeyedColumn{"scan_direct_count", counter, "pgscan_direct"},
    KeyedColumn{"steal_kswapd_count", counter, "pgsteal_kswapd"},
    KeyedColumn{"steal_direct_count", counter, "pgsteal_direct"},
    KeyedColumn{"compact_stall_count", counter, "compact_stall"},
    KeyedColumn{"oom_kills_count", counter, "oom_kill"},
    KeyedColumn{"refault_anon_count", counter, "workingset_refault_anon"},
    KeyedColumn{"refault_file_count", counter, "workingset_refault_file"},
    KeyedColumn{"balloon_inflated_pages", counter, "balloon_inflate"},
    KeyedColumn{"balloon_deflated_pages", counter, "balloon_deflate"},
};

}  // namespace memory_columns

struct MemoryRow {
  static constexpr std::string_view table = "system.mem";
  using Row = MemoryRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"infos", &Row::infos},
        Keyed<Row, memory_columns::meminfo.size()>{memory_columns::meminfo, &Row::meminfo},
        Gauge<Row>{"set_aside_bytes", &Row::set_aside_bytes},
        Gauge<Row>{"held_bytes", &Row::held_bytes},
        Gauge<Row>{"used_percent", &Row::used_percent},
        Gauge<Row>{"rest_used_percent", &Row::rest_used_percent},
        Gauge<Row>{"swap_used_percent", &Row::swap_used_percent},
        Keyed<Row, memory_columns::vmstat.size()>{memory_columns::vmstat, &Row::vmstat},
        Counter<Row>{"alloc_stall_count", &Row::alloc_stall_count},
    };
  }

  std::string infos = "/proc/meminfo";
  KeyedValues<memory_columns::meminfo.size()> meminfo;
  KeyedValues<memory_columns::vmstat.size()> vmstat;
  /// What ordinary programs can never have (memory_reserve.h).
  double set_aside_bytes = 0;
  /// What programs took once and keep (memory_reserve.h).
  double held_bytes = 0;
  /// What is not available, of what is not set aside.
  double used_percent = not_measured;
  /// The same, of what is neither set aside nor held.
  double rest_used_percent = not_measured;
  /// Swap that is in use, of all swap.
  double swap_used_percent = not_measured;
  /// Allocations that had to reclaim memory themselves, all zones.
  double alloc_stall_count = not_measured;
};

/// Caches of directory entries and the use of file handles.
struct DentryRow {
  static constexpr std::string_view table = "system.dentry";
  using Row = DentryRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"infos", &Row::infos},
        Gauge<Row>{"dentry_count", &Row::dentry_count},
        Gauge<Row>{"unused_dentry_count", &Row::unused_dentry_count},
        Gauge<Row>{"age_limit_s", &Row::age_limit_s},
        Gauge<Row>{"open_files", &Row::open_files},
        Gauge<Row>{"open_files_limit", &Row::open_files_limit},
        Gauge<Row>{"open_files_percent", &Row::open_files_percent},
        Gauge<Row>{"inode_count", &Row::inode_count},
    };
  }

  std::string infos = "/proc/sys/fs";
  double dentry_count = not_measured;
  double unused_dentry_count = not_measured;
  double age_limit_s = not_measured;
  double open_files = not_measured;
  double open_files_limit = not_measured;
  double open_files_percent = not_measured;
  double inode_count = not_measured;
};

/// Fills /proc/meminfo's part. Old kernels (before 3.14) have no MemAvailable: free, buffers and
/// cache stand for it.
void parse_meminfo(std::string_view text, MemoryRow& row);
/// Fills /proc/vmstat's part.
void parse_vmstat(std::string_view text, MemoryRow& row);
/// The value of a meminfo or vmstat column in `row`, e.g. "total_bytes".
double memory_value(const MemoryRow& row, std::string_view column);
/// The value of a meminfo column, to be changed. Requires: there is such a column.
double& meminfo_cell(MemoryRow& row, std::string_view column);
/// What is not set aside: memory that ordinary programs can have.
double ordinary_bytes(const MemoryRow& row);
/// Fills the shares.
void derive_shares(MemoryRow& row);

DentryRow read_dentry(Files& files);

}  // namespace gala::proc_source
