// Disks and partitions.
#include "stages/proc-source/disk.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "stages/proc-source/disk_stack.h"
#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

constexpr double bytes_per_sector = 512;  // of /proc/diskstats, whatever the device's own
constexpr double ns_per_ms = 1e6;

struct Position {
  double DiskRow::* member;
  double scale;
};
/// Columns behind the name, in their order.
constexpr std::array positions{
    Position{&DiskRow::reads_count, 1},
    Position{&DiskRow::reads_merged_count, 1},
    Position{&DiskRow::read_bytes, bytes_per_sector},
    Position{&DiskRow::read_time_ns, ns_per_ms},
    Position{&DiskRow::writes_count, 1},
    Position{&DiskRow::writes_merged_count, 1},
    Position{&DiskRow::write_bytes, bytes_per_sector},
    Position{&DiskRow::write_time_ns, ns_per_ms},
    Position{&DiskRow::in_flight, 1},
    Position{&DiskRow::busy_ns, ns_per_ms},
    Position{&DiskRow::weighted_time_ns, ns_per_ms},
    Position{&DiskRow::discards_count, 1},
    Position{nullptr, 1},  // discards merged
    Position{&DiskRow::discard_bytes, bytes_per_sector},
    Position{&DiskRow::discard_time_ns, ns_per_ms},
    Position{&DiskRow::flushes_count, 1},
    Position{&DiskRow::flush_time_ns, ns_per_ms},
};
constexpr std::size_t fewest_columns = 11;

std::string join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    joined.append(joined.empty() ? "" : ",").append(word);
  }
  return joined;
}

/// "/sys/devices/…/block/vda/vda1" → "vda", spelt as in /sys.
std::string parent_name(const std::string& link) {
  const auto last = link.rfind('/');
  if (last == std::string::npos || last == 0) {
    return {};
  }
  const auto before = link.rfind('/', last - 1);
  return link.substr(before + 1, last - before - 1);
}

/// A line of diskstats in its three parts.
struct Line {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  /// Name and numbers.
  std::string_view rest;
  /// Words at its end that are numbers.
  std::size_t numbers = 0;
};

std::optional<Line> parse_line(std::string_view text) {
  Words words(text);
  const auto major = parse_unsigned(words.next());
  const auto minor = parse_unsigned(words.next());
  if (!major || !minor) {
    return std::nullopt;
  }
  Line line{*major, *minor, trimmed(words.rest()), 0};
  words.skip(1);  // at least one word is the name
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    line.numbers = std::isnan(parse_number(word)) ? 0 : line.numbers + 1;
  }
  return line;
}

/// Cuts the last `count` words off.
std::string_view without_last(std::string_view text, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    text = trimmed(text.substr(0, text.find_last_of(" \t") + 1));
  }
  return text;
}

/// /sys spells the whole disk of a partition with "!"; the others spell it as diskstats does.
void name_whole_disks(std::vector<DiskRow>& rows) {
  std::map<std::string, std::string> names;
  for (const DiskRow& row : rows) {
    names.emplace(sysfs_name(row.blk_name), row.blk_name);
  }
  for (DiskRow& row : rows) {
    if (const auto name = names.find(row.disk_name); row.partition == 1 && name != names.end()) {
      row.disk_name = name->second;
    }
  }
}

DiskRow parse_row(const Line& line, std::size_t columns) {
  DiskRow row;
  row.blk_name = without_last(line.rest, columns);
  if (line.major != 0 || line.minor != 0) {
    row.major = static_cast<double>(line.major);
    row.minor = static_cast<double>(line.minor);
    row.device = device_number(line.major, line.minor);
  }
  Words words(line.rest.substr(row.blk_name.size()));
  for (const Position& position : positions) {
    const auto word = words.next();
    if (word.empty()) {
      break;
    }
    if (position.member != nullptr) {
      row.*position.member = parse_number(word) * position.scale;
    }
  }
  row.ios_count = row.reads_count + row.writes_count;
  row.io_time_ns = row.read_time_ns + row.write_time_ns;
  return row;
}

}  // namespace

std::vector<DiskRow> parse_diskstats(std::string_view text) {
  std::vector<Line> found;
  std::size_t columns = SIZE_MAX;
  Lines lines(text);
  while (const auto line = lines.next()) {
    const auto parsed = parse_line(*line);
    if (parsed && parsed->numbers >= fewest_columns) {
      columns = std::min(columns, parsed->numbers);
      found.push_back(*parsed);
    }
  }
  std::vector<DiskRow> rows;
  rows.reserve(found.size());
  for (const Line& line : found) {
    rows.push_back(parse_row(line, columns));
  }
  return rows;
}

std::string sysfs_name(std::string_view blk_name) {
  std::string name(blk_name);
  std::replace(name.begin(), name.end(), '/', '!');
  return name;
}

std::string parse_scheduler(std::string_view text) {
  const auto open = text.find('[');
  const auto close = text.find(']', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) {
    return std::string(trimmed(text));
  }
  return std::string(text.substr(open + 1, close - open - 1));
}

std::vector<DiskRow> DiskScan::scan(Files& files, BootTime now,
                                    const std::map<std::uint64_t, std::string>& mount_points) {
  const auto text = files.read("proc/diskstats");
  std::vector<DiskRow> rows = parse_diskstats(text.value_or(std::string_view{}));
  if (now - facts_read_at_ >= facts_period_) {
    facts_.clear();
    facts_read_at_ = now;
  }
  for (DiskRow& row : rows) {
    auto known = facts_.find({row.blk_name, row.device});
    if (known == facts_.end()) {
      known = facts_.emplace(std::pair{row.blk_name, row.device}, read_facts(files, row)).first;
    }
    static_cast<DiskFacts&>(row) = known->second;
    if (const auto mounted = mount_points.find(row.device); mounted != mount_points.end()) {
      row.mount_on = mounted->second;
    }
  }
  name_whole_disks(rows);
  find_beneath(rows, mount_points);
  std::erase_if(rows, [](const DiskRow& row) {
    return !(row.size_bytes > 0) && !(row.ios_count > 0);  // an unused loop device
  });
  return rows;
}

DiskFacts DiskScan::read_facts(Files& files, const DiskRow& row) {
  DiskFacts facts;
  const std::string link = "sys/class/block/" + sysfs_name(row.blk_name);
  std::string directory = link + "/";
  facts.disk_name = row.blk_name;
  facts.size_bytes = files.number(directory + "size") * bytes_per_sector;
  facts.read_only = files.number(directory + "ro") > 0 ? 1 : 0;
  facts.holders = join(files.list(directory + "holders"));
  facts.slaves = files.list(directory + "slaves");
  if (files.exists(directory + "partition")) {
    facts.partition = 1;
    const std::string parent = parent_name(files.link(link));
    facts.disk_name = parent;
    directory = "sys/class/block/" + parent + "/";
  }
  facts.rotational = files.number(directory + "queue/rotational") > 0 ? 1 : 0;
  facts.queue_limit = files.number(directory + "queue/nr_requests");
  facts.scheduler = parse_scheduler(files.line(directory + "queue/scheduler"));
  facts.mapped_name = files.line(directory + "dm/name");
  facts.backing_file = files.line(directory + "loop/backing_file");
  if (facts.backing_file.empty()) {
    const std::string backing = files.line(directory + "backing_dev");  // zram
    facts.backing_file = backing == "none" ? "" : backing;
  }
  return facts;
}

}  // namespace gala::proc_source
