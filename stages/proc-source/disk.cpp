// Disks and partitions.
#include "stages/proc-source/disk.h"

#include <array>

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

/// "/sys/devices/…/block/vda/vda1" → "vda".
std::string parent_name(const std::string& link) {
  const auto last = link.rfind('/');
  if (last == std::string::npos || last == 0) {
    return {};
  }
  const auto before = link.rfind('/', last - 1);
  return link.substr(before + 1, last - before - 1);
}

/// Whether a file lies in a directory or below it.
bool lies_below(std::string_view path, std::string_view directory) {
  if (directory == "/") {
    return path.starts_with('/');
  }
  return path.starts_with(directory) && path.substr(directory.size()).starts_with('/');
}

}  // namespace

std::vector<DiskRow> parse_diskstats(std::string_view text) {
  std::vector<DiskRow> rows;
  Lines lines(text);
  while (const auto line = lines.next()) {
    Words words(*line);
    const auto major = parse_unsigned(words.next());
    const auto minor = parse_unsigned(words.next());
    DiskRow row;
    row.blk_name = words.next();
    if (!major || !minor || row.blk_name.empty()) {
      continue;
    }
    row.major = *major;
    row.minor = *minor;
    row.device = device_number(*major, *minor);
    std::size_t found = 0;
    for (const Position& position : positions) {
      const auto word = words.next();
      if (word.empty()) {
        break;
      }
      ++found;
      if (position.member != nullptr) {
        row.*position.member = parse_number(word) * position.scale;
      }
    }
    if (found < fewest_columns) {
      continue;
    }
    row.ios_count = row.reads_count + row.writes_count;
    row.io_time_ns = row.read_time_ns + row.write_time_ns;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string parse_scheduler(std::string_view text) {
  const auto open = text.find('[');
  const auto close = text.find(']', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) {
    return std::string(trimmed(text));
  }
  return std::string(text.substr(open + 1, close - open - 1));
}

void find_beneath(std::vector<DiskRow>& rows,
                  const std::map<std::uint64_t, std::string>& mount_points) {
  std::map<std::string, std::string> disk_of_name;
  std::map<std::uint64_t, std::string> disk_of_device;
  for (const DiskRow& row : rows) {
    disk_of_name.emplace(row.blk_name, row.disk_name);
    disk_of_device.emplace(row.device, row.disk_name);
  }
  for (DiskRow& row : rows) {
    if (!row.slaves.empty()) {
      if (const auto disk = disk_of_name.find(row.slaves.front()); disk != disk_of_name.end()) {
        row.beneath = disk->second;
      }
      continue;
    }
    std::size_t longest = 0;
    for (const auto& [device, mount_on] : mount_points) {
      const auto disk = disk_of_device.find(device);
      if (disk != disk_of_device.end() && mount_on.size() >= longest &&
          lies_below(row.backing_file, mount_on)) {
        longest = mount_on.size();
        row.beneath = disk->second;
      }
    }
  }
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
    auto known = facts_.find(row.blk_name);
    if (known == facts_.end()) {
      known = facts_.emplace(row.blk_name, read_facts(files, row)).first;
    }
    static_cast<DiskFacts&>(row) = known->second;
    if (const auto mounted = mount_points.find(row.device); mounted != mount_points.end()) {
      row.mount_on = mounted->second;
    }
  }
  find_beneath(rows, mount_points);
  std::erase_if(rows, [](const DiskRow& row) {
    return !(row.size_bytes > 0) && !(row.ios_count > 0);  // an unused loop device
  });
  return rows;
}

DiskFacts DiskScan::read_facts(Files& files, const DiskRow& row) {
  DiskFacts facts;
  facts.disk_name = row.blk_name;
  std::string directory = "sys/class/block/" + row.blk_name + "/";
  facts.size_bytes = files.number(directory + "size") * bytes_per_sector;
  facts.read_only = files.number(directory + "ro") > 0 ? 1 : 0;
  facts.holders = join(files.list(directory + "holders"));
  facts.slaves = files.list(directory + "slaves");
  if (files.exists(directory + "partition")) {
    facts.partition = 1;
    facts.disk_name = parent_name(files.link("sys/class/block/" + row.blk_name));
    directory = "sys/class/block/" + facts.disk_name + "/";
  }
  facts.rotational = files.number(directory + "queue/rotational") > 0 ? 1 : 0;
  facts.queue_limit = files.number(directory + "queue/nr_requests");
  facts.scheduler = parse_scheduler(files.line(directory + "queue/scheduler"));
  facts.backing_file = files.line(directory + "loop/backing_file");
  return facts;
}

}  // namespace gala::proc_source
