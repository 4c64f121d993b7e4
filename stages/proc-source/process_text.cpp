// What /proc/PID/* says, text in, values out.
#include "stages/proc-source/process_text.h"

#include <array>
#include <cmath>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

constexpr double bytes_per_kb = 1024;
/// PF_KTHREAD of the kernel's include/linux/sched.h.
constexpr std::uint64_t kernel_thread_flag = 0x00200000;

/// A line of a file of `key: value` pairs and where its value goes.
template <class Row>
struct Pair {
  std::string_view key;
  double Row::* member;
  double scale;
};

template <class Row, std::size_t count>
void store_pairs(std::string_view text, const std::array<Pair<Row>, count>& pairs, Row& row) {
  Lines lines(text);
  while (const auto line = lines.next()) {
    const Halves halves = split_once(*line, ':');
    for (const Pair<Row>& pair : pairs) {
      if (pair.key == halves.first) {
        row.*pair.member = parse_number(Words(halves.second).next()) * pair.scale;
        break;
      }
    }
  }
}

std::uint64_t whole_or_zero(std::string_view word) { return parse_unsigned(word).value_or(0); }

bool is_control(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text, const KernelUnits& units) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  ProcessStat stat;
  stat.comm = text.substr(open + 1, close - open - 1);
  Words words(trimmed(text.substr(close + 1)));
  const auto number = [&] { return parse_number(words.next()); };
  const auto state = words.next();
  stat.state = state.empty() ? '?' : state.front();
  stat.ppid = whole_or_zero(words.next());
  stat.pgid = whole_or_zero(words.next());
  words.skip(3);  // session, tty, tpgid
  stat.kernel_thread = (whole_or_zero(words.next()) & kernel_thread_flag) != 0;
  stat.minor_faults_count = number();
  stat.child_faults_count = number();
  stat.major_faults_count = number();
  words.skip(1);
  stat.utime_ns = number() * units.ns_per_tick;
  stat.stime_ns = number() * units.ns_per_tick;
  stat.cutime_ns = number() * units.ns_per_tick;
  stat.cstime_ns = number() * units.ns_per_tick;
  stat.priority = number();
  stat.nice = number();
  stat.threads = number();
  words.skip(1);
  const auto start_ticks = parse_unsigned(words.next());
  if (!start_ticks) {
    return std::nullopt;
  }
  stat.start_time_ns = *start_ticks * static_cast<std::uint64_t>(units.ns_per_tick);
  stat.vm_bytes = number();
  stat.rss_bytes = number() * units.page_bytes;
  words.skip(14);  // field 25, rsslim, to field 38, exit_signal
  stat.cpu_id = whole_or_zero(words.next());
  words.skip(2);
  stat.blkio_delay_ns = number() * units.ns_per_tick;
  return stat;
}

ProcessStatus parse_process_status(std::string_view text) {
  static constexpr std::array pairs{
      Pair<ProcessStatus>{"RssAnon", &ProcessStatus::rss_anon_bytes, bytes_per_kb},
      Pair<ProcessStatus>{"VmSwap", &ProcessStatus::swap_bytes, bytes_per_kb},
      Pair<ProcessStatus>{"voluntary_ctxt_switches", &ProcessStatus::voluntary_switches_count, 1},
      Pair<ProcessStatus>{"nonvoluntary_ctxt_switches", &ProcessStatus::nonvoluntary_switches_count,
                          1},
  };
  ProcessStatus status;
  store_pairs(text, pairs, status);
  constexpr std::string_view uid_key = "\nUid:";
  if (const auto at = text.find(uid_key); at != std::string_view::npos) {
    status.uid =
        whole_or_zero(Words(split_once(text.substr(at + uid_key.size()), '\n').first).next());
  }
  return status;
}

ProcessIo parse_process_io(std::string_view text) {
  static constexpr std::array pairs{
      Pair<ProcessIo>{"rchar", &ProcessIo::rchar_bytes, 1},
      Pair<ProcessIo>{"wchar", &ProcessIo::wchar_bytes, 1},
      Pair<ProcessIo>{"syscr", &ProcessIo::syscr_count, 1},
      Pair<ProcessIo>{"syscw", &ProcessIo::syscw_count, 1},
      Pair<ProcessIo>{"read_bytes", &ProcessIo::read_bytes, 1},
      Pair<ProcessIo>{"write_bytes", &ProcessIo::write_bytes, 1},
      Pair<ProcessIo>{"cancelled_write_bytes", &ProcessIo::cancelled_write_bytes, 1},
  };
  ProcessIo io;
  store_pairs(text, pairs, io);
  return io;
}

ProcessIo OwnIo::without_children(const ProcessIo& counted, double child_faults) {
  constexpr std::array counters{&ProcessIo::rchar_bytes,          &ProcessIo::wchar_bytes,
                                &ProcessIo::syscr_count,          &ProcessIo::syscw_count,
                                &ProcessIo::read_bytes,           &ProcessIo::write_bytes,
                                &ProcessIo::cancelled_write_bytes};
  const bool reaped = !std::isnan(child_faults_) && child_faults != child_faults_;
  ProcessIo own;
  for (double ProcessIo::* counter : counters) {
    const double gained = counted.*counter - last_.*counter;
    double& out = taken_out_.*counter;
    if (std::isnan(out)) {
      out = 0;
    }
    out += reaped && gained > 0 ? gained : 0;
    own.*counter = counted.*counter - out;
  }
  last_ = counted;
  child_faults_ = child_faults;
  return own;
}

ProcessSchedule parse_process_schedule(std::string_view text) {
  Words words(trimmed(text));
  ProcessSchedule schedule;
  schedule.cpu_ns = parse_number(words.next());
  schedule.run_delay_ns = parse_number(words.next());
  schedule.timeslices_count = parse_number(words.next());
  return schedule;
}

double parse_open_files_limit(std::string_view text) {
  constexpr std::string_view key = "Max open files";
  Lines lines(text);
  while (const auto line = lines.next()) {
    if (line->starts_with(key)) {
      return parse_number(Words(line->substr(key.size())).next());
    }
  }
  return not_measured;
}

ProcessCgroups parse_process_cgroups(std::string_view text) {
  constexpr std::array<std::string_view, 6> order = {"name=systemd", "memory", "cpu",
                                                     "pids",         "blkio",  ""};
  std::array<std::string_view, order.size()> paths;
  Lines lines(text);
  while (const auto line = lines.next()) {
    const Halves hierarchy = split_once(*line, ':');
    const Halves group = split_once(hierarchy.second, ':');
    if (!group.second.starts_with('/')) {
      continue;  // cut off, or not such a line
    }
    std::string_view controllers = group.first;
    do {
      const Halves controller = split_once(controllers, ',');
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (order[i] == controller.first) {
          paths[i] = group.second;
        }
      }
      controllers = controller.second;
    } while (!controllers.empty());
  }
  ProcessCgroups cgroups;
  const std::string_view unified = paths.back();
  // A controller that no v1 hierarchy has is the unified one's.
  const auto own = [&](std::size_t i) {
    return std::string(paths[i].empty() ? unified : paths[i]);
  };
  cgroups.memory = own(1);
  cgroups.cpu = own(2);
  cgroups.pids = own(3);
  cgroups.io = own(4);
  for (const std::string_view path : paths) {
    if (path.size() > 1) {
      cgroups.identity = path;
      return cgroups;
    }
  }
  cgroups.identity = "/";
  return cgroups;
}

std::string format_command_line(std::string_view arguments, std::size_t max_bytes) {
  while (arguments.ends_with('\0')) {
    arguments.remove_suffix(1);
  }
  if (arguments.size() > max_bytes) {
    std::size_t end = max_bytes;
    while (end > 0 && (static_cast<unsigned char>(arguments[end]) & 0xc0) == 0x80) {
      --end;
    }
    arguments = arguments.substr(0, end);
  }
  std::string line(arguments);
  for (char& character : line) {
    if (character == '\0') {
      character = ' ';
    } else if (is_control(character)) {
      character = '?';
    }
  }
  return line;
}

ProcessMaps parse_process_maps(std::string_view text) {
  static constexpr std::array pairs{
      Pair<ProcessMaps>{"Rss", &ProcessMaps::rss_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"Pss", &ProcessMaps::pss_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"Shared_Clean", &ProcessMaps::shared_clean_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"Shared_Dirty", &ProcessMaps::shared_dirty_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"Private_Clean", &ProcessMaps::private_clean_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"Private_Dirty", &ProcessMaps::private_dirty_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"Referenced", &ProcessMaps::referenced_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"Anonymous", &ProcessMaps::anonymous_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"LazyFree", &ProcessMaps::lazyfree_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"Swap", &ProcessMaps::swap_bytes, bytes_per_kb},
      Pair<ProcessMaps>{"SwapPss", &ProcessMaps::swap_pss_bytes, bytes_per_kb},
  };
  ProcessMaps maps;
  store_pairs(text, pairs, maps);
  return maps;
}

}  // namespace gala::proc_source
