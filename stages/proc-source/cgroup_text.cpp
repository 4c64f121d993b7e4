// What the files of a cgroup say, v1 and v2; text in, values out.
#include "stages/proc-source/cgroup_text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

constexpr double ns_per_us = 1e3;

/// A line `key value` of a flat file and where its value goes.
struct Pair {
  std::string_view key;
  double CgroupRow::* member;
  double scale = 1;
};

template <std::size_t count>
void store_pairs(std::string_view text, const std::array<Pair, count>& pairs, CgroupRow& row) {
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    const auto key = words.next();
    for (const Pair& pair : pairs) {
      if (pair.key == key) {
        row.*pair.member = parse_number(words.next()) * pair.scale;
        break;
      }
    }
  }
}

bool lists(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const Halves option = split_once(options, ',');
    if (option.first == wanted) {
      return true;
    }
    options = option.second;
  }
  return false;
}

double or_zero(double value) { return std::isnan(value) ? 0 : value; }

/// Sums "Read" and "Write" lines ("8:0 Read 4096") over all devices.
struct ReadWrite {
  double read = 0;
  double write = 0;
};
ReadWrite sum_blkio(std::string_view text) {
  ReadWrite sum;
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    words.skip(1);
    const auto operation = words.next();
    const double value = or_zero(parse_number(words.next()));
    if (operation == "Read") {
      sum.read += value;
    } else if (operation == "Write") {
      sum.write += value;
    }
  }
  return sum;
}

}  // namespace

CgroupMounts parse_cgroup_mounts(std::string_view text) {
  CgroupMounts mounts;
  const auto keep_first = [](std::string& kept, std::string_view path) {
    if (kept.empty()) {
      kept = path.substr(std::min(path.find_first_not_of('/'), path.size()));
    }
  };
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    words.skip(1);
    const auto path = words.next();
    const auto type = words.next();
    const auto options = words.next();
    if (type == "cgroup2") {
      keep_first(mounts.unified, path);
    } else if (type == "cgroup") {
      const std::array<std::pair<std::string_view, std::string*>, 5> controllers{{
          {"cpu", &mounts.cpu},
          {"cpuacct", &mounts.cpu_accounting},
          {"memory", &mounts.memory},
          {"blkio", &mounts.block_io},
          {"pids", &mounts.pids},
      }};
      for (const auto& [controller, directory] : controllers) {
        if (lists(options, controller)) {
          keep_first(*directory, path);
        }
      }
    }
  }
  return mounts;
}

namespace v2 {

void parse_cpu_stat(std::string_view text, CgroupRow& row) {
  static constexpr std::array pairs{
      Pair{"usage_usec", &CgroupRow::cpu_ns, ns_per_us},
      Pair{"user_usec", &CgroupRow::cpu_user_ns, ns_per_us},
      Pair{"system_usec", &CgroupRow::cpu_system_ns, ns_per_us},
      Pair{"nr_periods", &CgroupRow::periods_count},
      Pair{"nr_throttled", &CgroupRow::throttled_count},
      Pair{"throttled_usec", &CgroupRow::throttled_ns, ns_per_us},
  };
  store_pairs(text, pairs, row);
}

void parse_cpu_max(std::string_view text, CgroupRow& row) {
  Words words(trimmed(text));
  const double quota_us = parse_number(words.next());
  const double period_us = parse_number(words.next());
  row.cpu_quota_cores = period_us > 0 ? quota_us / period_us : not_measured;
}

void parse_memory_stat(std::string_view text, CgroupRow& row) {
  static constexpr std::array pairs{
      Pair{"anon", &CgroupRow::rss_bytes},
      Pair{"file", &CgroupRow::cache_bytes},
      Pair{"file_mapped", &CgroupRow::mapped_bytes},
      Pair{"inactive_file", &CgroupRow::inactive_file_bytes},
      Pair{"pgfault", &CgroupRow::page_faults_count},
      Pair{"pgmajfault", &CgroupRow::major_faults_count},
  };
  store_pairs(text, pairs, row);
}

void parse_memory_events(std::string_view text, CgroupRow& row) {
  static constexpr std::array pairs{
      Pair{"high", &CgroupRow::memory_high_count},
      Pair{"max", &CgroupRow::memory_failures_count},
      Pair{"oom", &CgroupRow::memory_oom_count},
      Pair{"oom_kill", &CgroupRow::memory_oom_kills_count},
  };
  store_pairs(text, pairs, row);
}

void parse_io_stat(std::string_view text, CgroupRow& row) {
  static constexpr std::array pairs{
      Pair{"rbytes", &CgroupRow::read_bytes},
      Pair{"wbytes", &CgroupRow::write_bytes},
      Pair{"rios", &CgroupRow::reads_count},
      Pair{"wios", &CgroupRow::writes_count},
  };
  for (const Pair& pair : pairs) {
    row.*pair.member = 0;
  }
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    words.skip(1);
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      const Halves halves = split_once(word, '=');
      for (const Pair& pair : pairs) {
        if (pair.key == halves.first) {
          row.*pair.member += or_zero(parse_number(halves.second));
        }
      }
    }
  }
}

void parse_pids_events(std::string_view text, CgroupRow& row) {
  static constexpr std::array pairs{Pair{"max", &CgroupRow::pids_failures_count}};
  store_pairs(text, pairs, row);
}

}  // namespace v2

namespace v1 {

void parse_cpu_stat(std::string_view text, CgroupRow& row) {
  static constexpr std::array pairs{
      Pair{"nr_periods", &CgroupRow::periods_count},
      Pair{"nr_throttled", &CgroupRow::throttled_count},
      Pair{"throttled_time", &CgroupRow::throttled_ns},
  };
  store_pairs(text, pairs, row);
}

void set_cpu_quota(double quota_us, double period_us, CgroupRow& row) {
  row.cpu_quota_cores = quota_us > 0 && period_us > 0 ? quota_us / period_us : not_measured;
}

void parse_cpuacct_stat(std::string_view text, double ns_per_tick, CgroupRow& row) {
  static constexpr std::array pairs{
      Pair{"user", &CgroupRow::cpu_user_ns},
      Pair{"system", &CgroupRow::cpu_system_ns},
  };
  store_pairs(text, pairs, row);
  row.cpu_user_ns *= ns_per_tick;
  row.cpu_system_ns *= ns_per_tick;
}

void parse_memory_stat(std::string_view text, CgroupRow& row) {
  static constexpr std::array pairs{
      Pair{"total_rss", &CgroupRow::rss_bytes},
      Pair{"total_cache", &CgroupRow::cache_bytes},
      Pair{"total_mapped_file", &CgroupRow::mapped_bytes},
      Pair{"total_swap", &CgroupRow::swap_bytes},
      Pair{"total_inactive_file", &CgroupRow::inactive_file_bytes},
      Pair{"total_pgfault", &CgroupRow::page_faults_count},
      Pair{"total_pgmajfault", &CgroupRow::major_faults_count},
  };
  store_pairs(text, pairs, row);
}

void parse_memory_oom_control(std::string_view text, CgroupRow& row) {
  static constexpr std::array pairs{Pair{"oom_kill", &CgroupRow::memory_oom_kills_count}};
  store_pairs(text, pairs, row);
}

void parse_blkio_bytes(std::string_view text, CgroupRow& row) {
  const ReadWrite sum = sum_blkio(text);
  row.read_bytes = sum.read;
  row.write_bytes = sum.write;
}

void parse_blkio_counts(std::string_view text, CgroupRow& row) {
  const ReadWrite sum = sum_blkio(text);
  row.reads_count = sum.read;
  row.writes_count = sum.write;
}

double limit_of(double bytes) {
  constexpr double no_limit_bytes = 9.2e18;
  return bytes < no_limit_bytes ? bytes : not_measured;
}

}  // namespace v1

void derive(CgroupRow& row) {
  // Page cache that nobody uses is given back before a limit hurts.
  row.working_set_bytes = std::isnan(row.memory_bytes)
                              ? not_measured
                              : std::max(0.0, row.memory_bytes - or_zero(row.inactive_file_bytes));
  row.memory_used_percent = row.memory_limit_bytes > 0
                                ? 100 * row.working_set_bytes / row.memory_limit_bytes
                                : not_measured;
  row.pids_used_percent = row.pids_limit > 0 ? 100 * row.pids / row.pids_limit : not_measured;
}

}  // namespace gala::proc_source
