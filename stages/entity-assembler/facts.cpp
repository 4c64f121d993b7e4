// Learns processes, disks and cgroups from the columns that teach them.
#include "stages/entity-assembler/facts.h"

#include <algorithm>
#include <array>

namespace gala::entity_assembler {
namespace {

/// /proc rounds a start time down to a clock tick (10 ms), the kernel's own events do not.
constexpr std::uint64_t start_tolerance_ns = 15'000'000;
/// More than any machine has; a hostile source does not make us grow without end.
constexpr std::size_t most_disks = 8'192;
constexpr std::size_t most_cgroups = 65'536;

bool same_start(std::uint64_t a_ns, std::uint64_t b_ns) {
  return a_ns == 0 || b_ns == 0 || (a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns) <= start_tolerance_ns;
}

/// Replaces `text` when `value` says something and may overrule what was there.
bool take(std::string& text, std::string value, bool overrule) {
  if (value.empty() || (!overrule && !text.empty()) || text == value) {
    return false;
  }
  text = std::move(value);
  return true;
}

}  // namespace

struct Facts::ProcessColumns {
  ProcessColumns(const MessageCells& cells, const Teachings& teaches)
      : tgid(cells.find("tgid")),
        start_time_ns(cells.find(column_of(teaches, Fact::process_begin))),
        comm(cells.find(column_of(teaches, Fact::process_comm))),
        cmdline(cells.find(column_of(teaches, Fact::process_cmdline))),
        exe(cells.find(column_of(teaches, Fact::process_exe))),
        ppid(cells.find(column_of(teaches, Fact::process_ppid))),
        pgid(cells.find(column_of(teaches, Fact::process_pgid))),
        cgroup(cells.find(column_of(teaches, Fact::process_cgroup))),
        at_ns(cells.find(time_column(teaches))),
        full(cmdline.present()),
        overrules(full || teaches.contains(Fact::process_exec)) {}

  /// The column that says when an event happened.
  static std::string_view time_column(const Teachings& teaches) {
    for (const Fact fact : {Fact::process_exec, Fact::process_end}) {
      if (teaches.contains(fact)) {
        return column_of(teaches, fact);
      }
    }
    return column_of(teaches, Fact::process_alive);
  }

  [[nodiscard]] std::array<const Cells*, 7> said() const {
    return {&start_time_ns, &comm, &cmdline, &exe, &ppid, &pgid, &cgroup};
  }

  [[nodiscard]] bool say_something() const {
    return tgid.is_number() && std::ranges::any_of(said(), &Cells::present);
  }

  [[nodiscard]] std::uint64_t hash(std::size_t row) const {
    std::uint64_t hash = 1;
    for (const Cells* cells : said()) {
      hash = extend(hash, cells->hash(row));
    }
    return hash;
  }

  const Cells& tgid;
  const Cells& start_time_ns;
  const Cells& comm;
  const Cells& cmdline;
  const Cells& exe;
  const Cells& ppid;
  const Cells& pgid;
  const Cells& cgroup;
  /// Of events: when it happened.
  const Cells& at_ns;
  /// The table tells all about processes.
  bool full;
  /// A name in such a table beats the name of a thread seen elsewhere.
  bool overrules;
};

std::vector<ProcessEnd> Facts::learn(const MessageCells& cells, const Teachings& teaches,
                                     std::uint64_t window_end_ns) {
  std::vector<ProcessEnd> ends;
  if (teaches.empty()) {
    return ends;
  }
  const ProcessColumns columns(cells, teaches);
  if (columns.say_something()) {
    for (std::size_t row = 0; row < cells.rows(); ++row) {
      learn_process(columns, row, window_end_ns, ends);
    }
  }
  learn_ends(cells, teaches, ends);
  learn_disks(cells, teaches);
  learn_cgroups(cells, teaches);
  return ends;
}

void Facts::learn_process(const ProcessColumns& columns, std::size_t row, std::uint64_t now_ns,
                          std::vector<ProcessEnd>& ends) {
  const std::uint64_t tgid = columns.tgid.integer(row);
  if (tgid == 0) {
    return;
  }
  auto found = processes_.find(tgid);
  if (found == processes_.end()) {
    if (processes_.size() >= most_processes_) {
      ++refused_;
      return;
    }
    found = processes_.try_emplace(tgid).first;
  }
  Process& process = found->second;
  const std::uint64_t row_hash = columns.hash(row);
  if (columns.full && process.row_hash == row_hash) {
    process.seen_ns = now_ns;
    return;
  }
  const std::uint64_t start_ns = columns.start_time_ns.integer(row);
  const bool younger = !same_start(start_ns, process.start_ns);
  if (younger && start_ns < process.start_ns) {
    return;  // A late row of the process that had this number before.
  }
  const bool risen = process.ended_ns != 0 && columns.at_ns.integer(row) > process.ended_ns;
  if (younger || risen) {
    ends.push_back({tgid, now_ns, true});
    process = Process{};
  }
  const bool changed = take_columns(process, columns, row);
  process.seen_ns = now_ns;
  if (columns.full) {
    process.row_hash = row_hash;
  } else if (changed) {
    process.row_hash = 0;  // The next full row speaks again.
  }
  process.version = changed ? next_version_++ : process.version;
}

bool Facts::take_columns(Process& process, const ProcessColumns& columns, std::size_t row) {
  const std::uint64_t start_ns = columns.start_time_ns.integer(row);
  bool changed = process.version == 0;
  if (process.start_ns == 0 && start_ns != 0) {
    process.start_ns = start_ns;
    changed = true;
  }
  changed |= take(process.comm, columns.comm.text(row), columns.overrules);
  changed |= take(process.cmdline, columns.cmdline.text(row), true);
  changed |= take(process.exe, columns.exe.text(row), true);
  changed |= take(process.ppid, columns.ppid.text(row), columns.overrules);
  changed |= take(process.pgid, columns.pgid.text(row), columns.overrules);
  if (take(process.cgroup, columns.cgroup.text(row), columns.overrules)) {
    process.owner = parse_cgroup_path(process.cgroup);
    changed = true;
  }
  return changed;
}

void Facts::learn_ends(const MessageCells& cells, const Teachings& teaches,
                       std::vector<ProcessEnd>& ends) {
  const Cells& tgid = cells.find("tgid");
  const Cells& at_ns = cells.find(column_of(teaches, Fact::process_end));
  if (!tgid.is_number() || !at_ns.is_number()) {
    return;
  }
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const auto found = processes_.find(tgid.integer(row));
    const std::uint64_t time_ns = at_ns.integer(row);
    if (time_ns == 0 || found == processes_.end() || found->second.ended_ns != 0 ||
        found->second.start_ns > time_ns) {
      continue;
    }
    found->second.ended_ns = time_ns;
    ends.push_back({found->first, time_ns, false});
  }
}

void Facts::learn_disks(const MessageCells& cells, const Teachings& teaches) {
  const Cells& major = cells.find("major");
  const Cells& minor = cells.find("minor");
  const Cells& block = cells.find(column_of(teaches, Fact::blk_name));
  const Cells& disk_name = cells.find(column_of(teaches, Fact::disk_name));
  if (!major.is_number() || !minor.is_number() || !(block.present() || disk_name.present())) {
    return;
  }
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const std::pair number{major.integer(row), minor.integer(row)};
    if (number.first == 0) {
      continue;  // Several hidden paths of NVMe are told by no number, or by 0:0.
    }
    if (disks_.size() >= most_disks && !disks_.contains(number)) {
      ++refused_;
      continue;
    }
    Disk& disk = disks_[number];
    bool changed = take(disk.blk_name, block.text(row), true);
    changed |= take(disk.disk_name, disk_name.text(row), true);
    disks_version_ += changed ? 1 : 0;
  }
}

void Facts::learn_cgroups(const MessageCells& cells, const Teachings& teaches) {
  const Cells& id = cells.find("cgroup_id");
  const Cells& path = cells.find(column_of(teaches, Fact::cgroup_path));
  if (!id.is_number() || !path.present()) {
    return;
  }
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    if (cgroups_.size() >= most_cgroups) {
      ++refused_;
      return;
    }
    cgroups_version_ += take(cgroups_[id.integer(row)], path.text(row), true) ? 1 : 0;
  }
}

void Facts::forget_before(std::uint64_t seen_ns, std::uint64_t ended_ns) {
  std::erase_if(processes_, [seen_ns, ended_ns](const auto& entry) {
    const Process& process = entry.second;
    return process.seen_ns < seen_ns || (process.ended_ns != 0 && process.ended_ns < ended_ns);
  });
}

const Process* Facts::process(std::uint64_t tgid) const {
  const auto found = processes_.find(tgid);
  return found == processes_.end() ? nullptr : &found->second;
}

const Disk* Facts::disk(std::uint64_t major, std::uint64_t minor) const {
  const auto found = disks_.find({major, minor});
  return found == disks_.end() ? nullptr : &found->second;
}

std::string_view Facts::cgroup_path(std::uint64_t cgroup_id) const {
  const auto found = cgroups_.find(cgroup_id);
  return found == cgroups_.end() ? std::string_view{} : found->second;
}

}  // namespace gala::entity_assembler
