// CPUs: where their time went, soft interrupts, packet backlog.
#include "stages/proc-source/cpu.h"

#include <algorithm>
#include <array>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

/// Columns of /proc/stat's cpu lines in their order.
constexpr std::array time_columns{
    &CpuTimes::user_ns,    &CpuTimes::nice_ns,   &CpuTimes::system_ns,
    &CpuTimes::idle_ns,    &CpuTimes::iowait_ns, &CpuTimes::irq_ns,
    &CpuTimes::softirq_ns, &CpuTimes::steal_ns,  &CpuTimes::guest_ns,
};

void parse_times(Words& words, double ns_per_tick, CpuTimes& times) {
  for (const auto column : time_columns) {
    const auto word = words.next();
    if (word.empty()) {
      break;  // an old kernel, or a line that is cut off
    }
    times.*column = parse_number(word) * ns_per_tick;
  }
  const auto or_zero = [](double value) { return value > 0 ? value : 0; };
  times.busy_ns = times.user_ns + times.system_ns + or_zero(times.nice_ns) + or_zero(times.irq_ns) +
                  or_zero(times.softirq_ns) + or_zero(times.steal_ns);
  times.total_ns = times.busy_ns + times.idle_ns + or_zero(times.iowait_ns);
}

CpuRow* find_cpu(std::vector<CpuRow>& cpus, std::string_view name) {
  const auto found =
      std::find_if(cpus.begin(), cpus.end(), [&](const CpuRow& row) { return row.cpu == name; });
  return found == cpus.end() ? nullptr : &*found;
}

}  // namespace

CpuSample parse_cpu_stat(std::string_view text, double ns_per_tick) {
  CpuSample sample;
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    const auto key = words.next();
    if (key == "cpu") {
      parse_times(words, ns_per_tick, sample.total);
    } else if (key.starts_with("cpu") && parse_unsigned(key.substr(3))) {
      CpuRow row;
      row.cpu = key;
      parse_times(words, ns_per_tick, row);
      sample.cpus.push_back(std::move(row));
    } else if (key == "ctxt") {
      sample.total.context_switches_count = parse_number(words.next());
    } else if (key == "intr") {
      sample.total.interrupts_count = parse_number(words.next());
    } else if (key == "softirq") {
      sample.total.softirqs_count = parse_number(words.next());
    } else if (key == "processes") {
      sample.total.forks_count = parse_number(words.next());
    } else if (key == "procs_running") {
      sample.total.running_count = parse_number(words.next());
    } else if (key == "procs_blocked") {
      sample.total.blocked_count = parse_number(words.next());
    }
  }
  sample.total.cpu_count = static_cast<double>(sample.cpus.size());
  return sample;
}

void parse_softirqs(std::string_view text, std::vector<CpuRow>& cpus) {
  struct Kind {
    std::string_view name;
    double CpuRow::* member;
  };
  static constexpr std::array kinds{
      Kind{"TIMER:", &CpuRow::softirq_timer_count},
      Kind{"SCHED:", &CpuRow::softirq_sched_count},
      Kind{"NET_RX:", &CpuRow::softirq_net_rx_count},
      Kind{"NET_TX:", &CpuRow::softirq_net_tx_count},
      Kind{"RCU:", &CpuRow::softirq_rcu_count},
      Kind{"BLOCK:", &CpuRow::softirq_block_count},
  };
  Lines lines(text);
  std::vector<CpuRow*> columns;
  Words header(lines.next().value_or(std::string_view{}));
  for (auto name = header.next(); !name.empty(); name = header.next()) {
    columns.push_back(name.starts_with("CPU") ? find_cpu(cpus, "cpu" + std::string(name.substr(3)))
                                              : nullptr);
  }
  while (const auto line = lines.next()) {
    Words words(*line);
    const auto name = words.next();
    const auto kind =
        std::find_if(kinds.begin(), kinds.end(), [&](const Kind& one) { return one.name == name; });
    if (kind == kinds.end()) {
      continue;
    }
    for (CpuRow* cpu : columns) {
      const auto word = words.next();
      if (cpu != nullptr && !word.empty()) {
        cpu->*(kind->member) = parse_number(word);
      }
    }
  }
}

void parse_softnet(std::string_view text, std::vector<CpuRow>& cpus) {
  constexpr std::size_t rps_column = 9;
  constexpr std::size_t cpu_column = 12;
  std::size_t line_number = 0;
  Lines lines(text);
  for (; const auto line = lines.next(); ++line_number) {
    std::vector<double> values;
    Words words(*line);
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      const auto value = parse_hexadecimal(word);
      values.push_back(value ? static_cast<double>(*value) : not_measured);
    }
    CpuRow* cpu = nullptr;
    if (values.size() > cpu_column) {
      cpu = find_cpu(cpus, "cpu" + std::to_string(static_cast<std::uint64_t>(values[cpu_column])));
    } else if (line_number < cpus.size()) {
      cpu = &cpus[line_number];
    }
    if (cpu == nullptr || values.size() < 3) {
      continue;
    }
    cpu->backlog_processed_count = values[0];
    cpu->backlog_drops_count = values[1];
    cpu->time_squeeze_count = values[2];
    cpu->rps_count = values.size() > rps_column ? values[rps_column] : not_measured;
  }
}

void parse_loadavg(std::string_view text, CpuTotalRow& total) {
  Words words(trimmed(text));
  total.load_1m = parse_number(words.next());
  total.load_5m = parse_number(words.next());
  total.load_15m = parse_number(words.next());
}

void parse_cpu_clocks(std::string_view text, std::vector<CpuRow>& cpus) {
  CpuRow* cpu = nullptr;
  Lines lines(text);
  while (const auto line = lines.next()) {
    const Halves halves = split_once(*line, ':');
    const auto key = trimmed(halves.first);
    if (key == "processor") {
      cpu = find_cpu(cpus, "cpu" + std::string(trimmed(halves.second)));
    } else if (key == "cpu MHz" && cpu != nullptr) {
      cpu->mhz = parse_number(trimmed(halves.second));
    }
  }
}

CpuSample read_cpu(Files& files, double ns_per_tick) {
  CpuSample sample;
  if (const auto text = files.read("proc/stat")) {
    sample = parse_cpu_stat(*text, ns_per_tick);
  }
  if (const auto text = files.read("proc/softirqs")) {
    parse_softirqs(*text, sample.cpus);
  }
  if (const auto text = files.read("proc/net/softnet_stat")) {
    parse_softnet(*text, sample.cpus);
  }
  if (const auto text = files.read("proc/loadavg")) {
    parse_loadavg(*text, sample.total);
  }
  return sample;
}

}  // namespace gala::proc_source
