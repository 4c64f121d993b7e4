// Changes of the files that decide how a process behaves: its program and its configuration.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/core/time.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/mount_table.h"
#include "stages/proc-source/process_row.h"
#include "stages/proc-source/process_view.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// A file of a process that changed lately; one that did not is no row.
struct FileChangeRow {
  static constexpr std::string_view table = "system.file_change";
  static constexpr std::array teaches{Teaches{Fact::process_begin, "start_time_ns"},
                                      Teaches{Fact::process_comm, "comm"}};
  using Row = FileChangeRow;
  static constexpr auto cells() {
    return std::tuple{
        Integer<Row>{"tgid", &Row::tgid},
        Integer<Row>{"start_time_ns", &Row::start_time_ns},
        Text<Row>{"comm", &Row::comm},
        Text<Row>{"path", &Row::path},
        Text<Row>{"kind", &Row::kind},
        Gauge<Row>{"changes", &Row::changes},
        Gauge<Row>{"size_bytes", &Row::size_bytes},
    };
  }

  std::uint64_t tgid = 0;
  std::uint64_t start_time_ns = 0;
  std::string comm;
  std::string path;
  /// "program" or "configuration".
  std::string kind;
  double changes = not_measured;
  double size_bytes = not_measured;
};

struct FileWatchSettings {
  /// Globs: only files with such names are configuration.
  std::vector<std::string> names;
  std::size_t max_files = 1000;
  /// How long command lines and include directories are trusted.
  Duration detail_period = std::chrono::seconds(10);
};

/// Knows of each process: its program, the files that its command line names, those in /etc/<name>,
/// what lies in their include directories (*.d, sites-enabled), and what is named after the program
/// (postgresql.conf of postgres) in its working directory or one that its command line names. File
/// systems over a network or in user space are never touched, because asking may hang. A file that
/// keeps changing is data and not told.
class FileWatch {
 public:
  explicit FileWatch(FileWatchSettings settings) : settings_(std::move(settings)) {}

  /// Looks at the files of `processes`; `rows` are what changed in the last minutes.
  void scan(Files& files, BootTime now, std::span<const ProcessRow* const> processes);
  [[nodiscard]] const std::vector<FileChangeRow>& rows() const { return rows_; }
  /// Files beyond the limit as of the last scan.
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::size_t watched() const { return watched_.size(); }

 private:
  /// A path means another file in another mount namespace.
  using Key = std::pair<std::uint64_t, std::string>;
  struct Watched {
    FileIdentity identity;
    std::string_view kind;
    double changes = 0;
    BootTime changed_at;
    BootTime looked_at;
  };
  struct Process {
    std::uint64_t start_time_ns = 0;
    std::vector<Key> files;
    std::vector<Key> directories;
    BootTime detailed_at;
    bool known = false;
    std::uint64_t seen_scan = 0;
  };
  struct Mounts {
    MountTable table;
    BootTime read_at;
    std::uint64_t used_scan = 0;
  };
  void look(Files& files, BootTime now, const ProcessRow& row, Process& process);
  void discover(Files& files, const ProcessView& view, BootTime now, const ProcessRow& row,
                Process& process);
  const MountTable& mounts_of(Files& files, BootTime now, const ProcessRow& row);
  std::vector<std::string> configuration_of(Files& files, const ProcessView& view,
                                            const ProcessRow& row, Process& process) const;
  void note_program(Files& files, BootTime now, const ProcessRow& row, Process& process);
  /// Takes in what a file is now; true when it is another than before.
  bool take(const Key& key, std::string_view kind, const FileIdentity& identity, BootTime now);
  void forget(BootTime now);
  void tell(BootTime now, std::span<const ProcessRow* const> processes);

  FileWatchSettings settings_;
  std::map<Key, Watched> watched_;
  /// By mount namespace.
  std::map<std::uint64_t, Mounts> mounts_;
  std::map<std::uint64_t, Process> processes_;
  std::vector<FileChangeRow> rows_;
  std::uint64_t lost_ = 0;
  std::uint64_t scans_ = 0;
};

/// Paths that a command line names, also behind "=" and an option's letter; `text` as in
/// /proc/PID/cmdline, where programs may also have written a title. Relative ones stay so.
std::vector<std::string> paths_in_command_line(std::string_view text);

}  // namespace gala::proc_source
