// Memory that was set aside on purpose.
#include "stages/proc-source/memory_reserve.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

constexpr double bytes_per_kb = 1024;

double or_zero(double value) { return std::isnan(value) ? 0 : value; }

/// "hugepages-2048kB" → 2097152; 0 for another name.
double page_bytes_of(std::string_view directory) {
  constexpr std::string_view prefix = "hugepages-";
  constexpr std::string_view suffix = "kB";
  if (!directory.starts_with(prefix) || !directory.ends_with(suffix)) {
    return 0;
  }
  directory.remove_prefix(prefix.size());
  directory.remove_suffix(suffix.size());
  return bytes_per_kb * static_cast<double>(parse_unsigned(directory).value_or(0));
}

/// Of MemTotal, what no line of meminfo says a use for.
double unexplained_bytes(const MemoryRow& row) {
  constexpr std::array<std::string_view, 8> uses{
      "free_bytes", "buffers_bytes",     "cache_bytes",        "anon_bytes",
      "slab_bytes", "page_tables_bytes", "kernel_stack_bytes", "huge_bytes",
  };
  double bytes = memory_value(row, "total_bytes");
  for (const std::string_view use : uses) {
    bytes -= or_zero(memory_value(row, use));
  }
  return std::max(bytes, 0.0);
}

}  // namespace

HugePages read_huge_pages(Files& files, const MemoryRow& row) {
  HugePages pages;
  const std::string directory = "sys/kernel/mm/hugepages/";
  for (const std::string& name : files.list(directory)) {
    const double bytes = page_bytes_of(name);
    pages.bytes += bytes * or_zero(files.number(directory + name + "/nr_hugepages"));
    pages.surplus_bytes += bytes * or_zero(files.number(directory + name + "/surplus_hugepages"));
  }
  const double bytes = or_zero(memory_value(row, "huge_page_bytes"));
  const auto of_default_size = [&](std::string_view column) {
    return bytes * or_zero(memory_value(row, column));
  };
  pages.bytes = std::max(
      {pages.bytes, or_zero(memory_value(row, "huge_bytes")), of_default_size("huge_total_pages")});
  pages.surplus_bytes = std::max(pages.surplus_bytes, of_default_size("huge_surplus_pages"));
  return pages;
}

double balloon_bytes(const MemoryRow& row, double page_bytes) {
  double bytes = memory_value(row, "balloon_bytes");  // since Linux 6.17
  if (std::isnan(bytes)) {
    bytes = page_bytes * (or_zero(memory_value(row, "balloon_inflated_pages")) -
                          or_zero(memory_value(row, "balloon_deflated_pages")));
  }
  return std::clamp(bytes, 0.0, unexplained_bytes(row));
}

double read_evictable_bytes(Files& files) {
  double size = 0;
  double least = 0;
  if (const auto text = files.read("proc/spl/kstat/zfs/arcstats")) {
    Lines lines(*text);
    while (const auto line = lines.next()) {
      Words words(*line);
      const auto name = words.next();
      words.skip(1);  // its type
      if (name == "size" || name == "c_min") {
        (name == "size" ? size : least) = or_zero(parse_number(words.next()));
      }
    }
  }
  return std::max(size - least, 0.0);
}

double KeptAmount::add(BootTime now, double amount) {
  if (!began_) {
    began_ = now;
    least_ = least_before_ = kept_ = amount;
  }
  if (now - *began_ >= half_period_) {
    if (least_ <= least_before_) {
      kept_ = least_;
    }
    least_before_ = least_;
    least_ = amount;
    began_ = now;
  }
  least_ = std::min(least_, amount);
  kept_ = std::min(kept_, amount);
  return kept_;
}

MemoryRow MemoryScan::scan(Files& files, BootTime now) {
  MemoryRow row;
  if (const auto text = files.read("proc/meminfo")) {
    parse_meminfo(*text, row);
  }
  if (const auto text = files.read("proc/vmstat")) {
    parse_vmstat(*text, row);
  }
  const HugePages huge = read_huge_pages(files, row);
  if (huge.bytes > 0) {
    meminfo_cell(row, "huge_bytes") = huge.bytes;
  }
  const double reserve = bytes_per_kb * or_zero(files.number("proc/sys/vm/min_free_kbytes"));
  row.set_aside_bytes =
      std::max(huge.bytes - huge.surplus_bytes, 0.0) + balloon_bytes(row, page_bytes_) + reserve;
  row.held_bytes =
      held_.add(now, huge.surplus_bytes + std::max(or_zero(memory_value(row, "shmem_bytes")),
                                                   or_zero(memory_value(row, "mlocked_bytes"))));
  meminfo_cell(row, "available_bytes") += read_evictable_bytes(files);
  derive_shares(row);
  return row;
}

}  // namespace gala::proc_source
