// Java virtual machines, by the performance data that each keeps in a file.
#include "stages/proc-source/jvm.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace gala::proc_source {
namespace {

/// HotSpot, perfMemory.hpp: a prologue, then entries one behind the other.
constexpr std::string_view magic{"\xca\xfe\xc0\xc0", 4};
constexpr std::size_t byte_order_at = 4;
constexpr std::size_t major_at = 5;
constexpr std::size_t accessible_at = 7;
constexpr std::size_t first_entry_at = 24;
constexpr std::size_t entry_count_at = 28;
constexpr std::size_t prologue_bytes = 32;
constexpr std::size_t entry_bytes = 20;
constexpr char known_major = 2;
constexpr char type_of_long = 'J';
constexpr std::uint32_t most_entries = 10'000;
constexpr double ns_per_s = 1e9;
constexpr std::string_view java = "java";

/// Requires: at + sizeof(Number) ≤ bytes.size(). The machine's own byte order, as the file's.
template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number{};
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

char native_byte_order() { return std::endian::native == std::endian::little ? 1 : 0; }

/// Takes `prefix` and a number behind it off `name`: "sun.gc.generation.1.x" → 1 and ".x".
std::optional<int> take_numbered(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) {
    return std::nullopt;
  }
  const std::string_view rest = name.substr(prefix.size());
  int number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  name = rest.substr(static_cast<std::size_t>(end - rest.data()));
  return number;
}

void add(double& sum, double value) { sum = std::isnan(sum) ? value : sum + value; }

double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : not_measured; }

/// Collects what a JvmRow is made of from entries in any order.
class Collector {
 public:
  void take(std::string_view name, double value) {
    if (const auto generation = take_numbered(name, "sun.gc.generation.")) {
      take_generation(*generation, name, value);
    } else if (const auto collector = take_numbered(name, "sun.gc.collector.")) {
      take_collector(*collector, name, value);
    } else if (name == "sun.gc.metaspace.used") {
      row_.metaspace_used_bytes = value;
    } else if (name == "sun.gc.metaspace.maxCapacity") {
      row_.metaspace_max_bytes = value;
    } else if (name == "java.threads.live") {
      row_.threads = value;
    } else if (name == "java.cls.loadedClasses" || name == "java.cls.sharedLoadedClasses") {
      add(row_.classes, value);
    } else if (name == "java.cls.unloadedClasses" || name == "java.cls.sharedUnloadedClasses") {
      add(row_.classes, -value);
    } else if (name == "sun.os.hrt.frequency" && value > 0) {
      ns_per_tick_ = ns_per_s / value;
    }
  }

  JvmRow finish() {
    row_.gc_ns = gc_ticks_ * ns_per_tick_;
    row_.old_used_percent = percent(row_.old_used_bytes, row_.old_max_bytes);
    row_.metaspace_used_percent = percent(row_.metaspace_used_bytes, row_.metaspace_max_bytes);
    return row_;
  }

 private:
  static constexpr int old_generation = 1;
  static constexpr int full_collector = 1;

  void take_generation(int generation, std::string_view name, double value) {
    if (generation == old_generation && name == ".maxCapacity") {
      row_.old_max_bytes = value;
    }
    if (!take_numbered(name, ".space.")) {
      return;
    }
    if (name == ".capacity") {
      add(row_.heap_capacity_bytes, value);
    } else if (name == ".used") {
      add(row_.heap_used_bytes, value);
      if (generation == old_generation) {
        add(row_.old_used_bytes, value);
      }
    }
  }

  void take_collector(int collector, std::string_view name, double value) {
    if (name == ".time") {
      add(gc_ticks_, value);
    } else if (name == ".invocations") {
      add(row_.gc_count, value);
      if (collector == full_collector) {
        row_.full_gc_count = value;
      }
    }
  }

  JvmRow row_;
  double gc_ticks_ = not_measured;
  double ns_per_tick_ = not_measured;
};

/// Gives a long entry to `collector`. Requires: the entry lies within `entry`.
void take_entry(std::string_view entry, Collector& collector) {
  const auto name_at = number_at<std::uint32_t>(entry, 4);
  const auto vector_length = number_at<std::uint32_t>(entry, 8);
  const auto data_at = number_at<std::uint32_t>(entry, 16);
  const bool is_long = entry[12] == type_of_long && vector_length == 0;
  if (!is_long || name_at >= entry.size() || data_at > entry.size() ||
      entry.size() - data_at < sizeof(std::int64_t)) {
    return;
  }
  std::string_view name = entry.substr(name_at);
  name = name.substr(0, name.find('\0'));
  collector.take(name, static_cast<double>(number_at<std::int64_t>(entry, data_at)));
}

}  // namespace

std::optional<JvmRow> parse_hsperfdata(std::string_view bytes) {
  const bool is_ours = bytes.size() >= prologue_bytes && bytes.starts_with(magic) &&
                       bytes[byte_order_at] == native_byte_order() &&
                       bytes[major_at] == known_major && bytes[accessible_at] == 1;
  if (!is_ours) {
    return std::nullopt;
  }
  std::size_t at = number_at<std::uint32_t>(bytes, first_entry_at);
  const auto count = std::min(number_at<std::uint32_t>(bytes, entry_count_at), most_entries);
  Collector collector;
  for (std::uint32_t i = 0; i < count && at <= bytes.size() && bytes.size() - at >= entry_bytes;
       ++i) {
    const std::size_t length = number_at<std::uint32_t>(bytes, at);
    if (length < entry_bytes || length > bytes.size() - at) {
      break;
    }
    take_entry(bytes.substr(at, length), collector);
    at += length;
  }
  return collector.finish();
}

std::string_view own_pid(std::string_view status) {
  constexpr std::string_view key = "NSpid:";
  const std::size_t begin = status.find(key);
  if (begin == std::string_view::npos) {
    return {};
  }
  std::string_view line = status.substr(begin + key.size());
  line = line.substr(0, line.find('\n'));
  return line.substr(line.find_last_of(" \t") + 1);
}

std::vector<JvmRow> read_jvms(Files& files, const std::vector<const ProcessRow*>& processes) {
  std::vector<JvmRow> rows;
  for (const ProcessRow* process : processes) {
    if (process->comm != java) {
      continue;
    }
    const std::string directory = "proc/" + std::to_string(process->tgid);
    const std::string pid(own_pid(files.read(directory + "/status").value_or("")));
    const std::string temporary = directory + "/root/tmp";
    for (const std::string& name : files.list(temporary)) {
      if (!name.starts_with("hsperfdata_")) {
        continue;
      }
      const auto bytes = files.read(temporary + "/" + name + "/" + pid);
      auto row = bytes ? parse_hsperfdata(*bytes) : std::nullopt;
      if (row) {
        row->tgid = process->tgid;
        row->start_time_ns = process->start_time_ns;
        row->comm = process->comm;
        rows.push_back(std::move(*row));
        break;
      }
    }
  }
  return rows;
}

}  // namespace gala::proc_source
