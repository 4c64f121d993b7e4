// Memory of the host.
#include "stages/proc-source/memory.h"

#include <cmath>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

constexpr std::size_t position_of(std::string_view column) {
  std::size_t at = 0;
  while (at < memory_columns::meminfo.size() && memory_columns::meminfo[at].name != column) {
    ++at;
  }
  return at;
}

/// Several numbers in a row, as many files below /proc/sys have them.
struct Numbers {
  double first = not_measured;
  double second = not_measured;
  double third = not_measured;
};
Numbers read_numbers(Files& files, const char* path) {
  Numbers numbers;
  if (const auto text = files.read(path)) {
    Words words(trimmed(*text));
    numbers.first = parse_number(words.next());
    numbers.second = parse_number(words.next());
    numbers.third = parse_number(words.next());
  }
  return numbers;
}

}  // namespace

void parse_meminfo(std::string_view text, MemoryRow& row) {
  static const KeyIndex index(memory_columns::meminfo);
  Lines lines(text);
  while (const auto line = lines.next()) {
    const Halves halves = split_once(*line, ':');
    index.store(halves.first, parse_number(Words(halves.second).next()), row.meminfo.values);
  }
  double& available = row.meminfo.values[position_of("available_bytes")];
  if (std::isnan(available)) {
    available = memory_value(row, "free_bytes") + memory_value(row, "buffers_bytes") +
                memory_value(row, "cache_bytes");
  }
  const double total = memory_value(row, "total_bytes");
  const double swap = memory_value(row, "swap_total_bytes");
  row.used_percent = total > 0 ? 100 * (1 - available / total) : not_measured;
  row.swap_used_percent =
      swap > 0 ? 100 * (1 - memory_value(row, "swap_free_bytes") / swap) : not_measured;
}

void parse_vmstat(std::string_view text, MemoryRow& row) {
  static const KeyIndex index(memory_columns::vmstat);
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    const auto key = words.next();
    const double value = parse_number(words.next());
    if (!index.store(key, value, row.vmstat.values) && key.starts_with("allocstall")) {
      // One line for each zone since Linux 4.8, a single one before.
      row.alloc_stall_count =
          std::isnan(row.alloc_stall_count) ? value : row.alloc_stall_count + value;
    }
  }
}

double memory_value(const MemoryRow& row, std::string_view column) {
  const std::size_t at = position_of(column);
  return at < row.meminfo.values.size() ? row.meminfo.values[at] : not_measured;
}

MemoryRow read_memory(Files& files) {
  MemoryRow row;
  if (const auto text = files.read("proc/meminfo")) {
    parse_meminfo(*text, row);
  }
  if (const auto text = files.read("proc/vmstat")) {
    parse_vmstat(*text, row);
  }
  return row;
}

DentryRow read_dentry(Files& files) {
  DentryRow row;
  const Numbers dentries = read_numbers(files, "proc/sys/fs/dentry-state");
  row.dentry_count = dentries.first;
  row.unused_dentry_count = dentries.second;
  row.age_limit_s = dentries.third;
  const Numbers handles = read_numbers(files, "proc/sys/fs/file-nr");
  row.open_files = handles.first;
  row.open_files_limit = handles.third;
  row.open_files_percent = handles.third > 0 ? 100 * handles.first / handles.third : not_measured;
  row.inode_count = read_numbers(files, "proc/sys/fs/inode-nr").first;
  return row;
}

}  // namespace gala::proc_source
