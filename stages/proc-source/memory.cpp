// Memory of the host.
#include "stages/proc-source/memory.h"

#include <algorithm>
#include <cmath>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

template <std::size_t count>
constexpr std::size_t position_in(const std::array<KeyedColumn, count>& columns,
                                  std::string_view column) {
  std::size_t at = 0;
  while (at < count && columns[at].name != column) {
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
  double& available = meminfo_cell(row, "available_bytes");
  if (std::isnan(available)) {
    available = memory_value(row, "free_bytes") + memory_value(row, "buffers_bytes") +
                memory_value(row, "cache_bytes");
  }
}

double ordinary_bytes(const MemoryRow& row) {
  return memory_value(row, "total_bytes") - row.set_aside_bytes;
}

void derive_shares(MemoryRow& row) {
  const auto used_percent = [&](double bytes) {
    const double available = std::min(memory_value(row, "available_bytes"), bytes);
    return bytes > 0 ? 100 * (1 - available / bytes) : not_measured;
  };
  row.used_percent = used_percent(ordinary_bytes(row));
  row.rest_used_percent = used_percent(ordinary_bytes(row) - row.held_bytes);
  const double swap = memory_value(row, "swap_total_bytes");
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
  if (const auto at = position_in(memory_columns::meminfo, column);
      at < memory_columns::meminfo.size()) {
    return row.meminfo.values[at];
  }
  const auto at = position_in(memory_columns::vmstat, column);
  return at < memory_columns::vmstat.size() ? row.vmstat.values[at] : not_measured;
}

double& meminfo_cell(MemoryRow& row, std::string_view column) {
  return row.meminfo.values.at(position_in(memory_columns::meminfo, column));
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
