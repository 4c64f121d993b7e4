// Finds the files of each process and compares what they are with what they were.
#include "stages/proc-source/file_watch.h"

#include <fnmatch.h>

#include <algorithm>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

constexpr std::string_view program = "program";
constexpr std::string_view configuration = "configuration";
/// Changes of a directory only say that its files are to be listed again.
constexpr std::string_view directory_kind = "directory";
constexpr Duration told_for = std::chrono::minutes(5);
/// A file with more changes in that time is data; whoever seeks a fault edits it a few times, too.
constexpr double most_changes = 8;
constexpr std::size_t most_files_of_process = 32;
/// The working directory and the first that the command line names. A directory with more files is
/// not one that somebody keeps configuration in.
constexpr std::size_t most_data_directories = 4;
constexpr std::size_t most_data_files = 200;
constexpr std::string_view deleted = " (deleted)";

bool matches_one(const std::vector<std::string>& globs, const std::string& name) {
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
  });
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool is_include_directory(const std::string& name) {
  return name.ends_with(".d") || name == "sites-enabled";
}

/// postgresql.conf of postgres, redis.conf of redis-server.
bool is_named_after(std::string_view name, std::string_view comm) {
  const std::string_view stem = name.substr(0, name.find('.'));
  return stem.size() > 1 && (stem.starts_with(comm) || comm.starts_with(stem)) && !comm.empty();
}

}  // namespace

std::vector<std::string> paths_in_command_line(std::string_view text) {
  std::vector<std::string> paths;
  while (!text.empty()) {
    // A title is one argument with blanks in it.
    const auto end = std::min(text.find_first_of(std::string_view("\0 ", 2)), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (const auto equals = word.find('='); equals != std::string_view::npos) {
      word.remove_prefix(equals + 1);
    }
    if (word.starts_with('-')) {
      word.remove_prefix(std::min(word.find('/'), word.size()));
    }
    if (!word.empty()) {
      paths.emplace_back(word);
    }
  }
  return paths;
}

void FileWatch::scan(Files& files, BootTime now, std::span<const ProcessRow* const> processes) {
  ++scans_;
  lost_ = 0;
  for (const ProcessRow* row : processes) {
    if (row->kernel_thread != 0) {
      continue;
    }
    Process& process = processes_[row->tgid];
    if (process.start_time_ns != row->start_time_ns) {
      process = {};
      process.start_time_ns = row->start_time_ns;
    }
    process.seen_scan = scans_;
    look(files, now, *row, process);
  }
  std::erase_if(processes_, [&](const auto& one) { return one.second.seen_scan != scans_; });
  tell(now, processes);
  forget(now);
}

void FileWatch::look(Files& files, BootTime now, const ProcessRow& row, Process& process) {
  const bool due = !process.known || now - process.detailed_at >= settings_.detail_period;
  const ProcessView view(files, row.tgid, mounts_of(files, now, row));
  if (!view) {
    return;
  }
  bool list_anew = due;
  for (const auto* keys : {&process.files, &process.directories}) {
    for (const Key& key : *keys) {
      const auto known = watched_.find(key);
      // A program is what the process runs, whatever stands at its path by now; what several
      // processes have is looked at once.
      if (known != watched_.end() &&
          (known->second.kind == program || known->second.looked_at == now)) {
        continue;
      }
      const std::string_view kind = keys == &process.files ? configuration : directory_kind;
      const bool changed = take(key, kind, view.identity(key.second), now);
      list_anew = list_anew || (changed && kind == directory_kind);
    }
  }
  if (list_anew) {
    discover(files, view, now, row, process);
  }
}

const MountTable& FileWatch::mounts_of(Files& files, BootTime now, const ProcessRow& row) {
  const auto [entry, is_new] = mounts_.try_emplace(row.mnt_ns);
  Mounts& mounts = entry->second;
  if (is_new || now - mounts.read_at >= settings_.detail_period) {
    const auto text = files.read("proc/" + std::to_string(row.tgid) + "/mountinfo");
    mounts.table = MountTable(text.value_or(std::string_view{}));
    mounts.read_at = now;
  }
  mounts.used_scan = scans_;
  return mounts.table;
}

void FileWatch::discover(Files& files, const ProcessView& view, BootTime now, const ProcessRow& row,
                         Process& process) {
  const std::vector<Key> before = std::move(process.files);
  process.files.clear();
  process.directories.clear();
  note_program(files, now, row, process);
  for (const std::string& path : configuration_of(files, view, row, process)) {
    const Key key{row.mnt_ns, path};
    const FileIdentity identity = view.identity(path);
    const bool listed =
        std::find(process.files.begin(), process.files.end(), key) != process.files.end();
    if (!identity.regular || listed || process.files.size() >= most_files_of_process) {
      continue;
    }
    if (!watched_.contains(key) && watched_.size() >= settings_.max_files) {
      ++lost_;
      continue;
    }
    const bool is_new = process.known && !watched_.contains(key);
    take(key, configuration, identity, now);
    process.files.push_back(key);
    if (is_new) {
      // It was not there when the process was looked at before.
      watched_[key].changes = 1;
      watched_[key].changed_at = now;
    }
  }
  for (const Key& key : before) {
    const auto known = watched_.find(key);
    const bool listed =
        std::find(process.files.begin(), process.files.end(), key) != process.files.end();
    // One that was removed is still told of.
    if (!listed && known != watched_.end() && known->second.changes > 0 &&
        now - known->second.changed_at < told_for) {
      process.files.push_back(key);
    }
  }
  process.known = true;
  process.detailed_at = now;
}

void FileWatch::note_program(Files& files, BootTime now, const ProcessRow& row, Process& process) {
  const std::string link = "proc/" + std::to_string(row.tgid) + "/exe";
  std::string path = files.link(link);
  if (path.ends_with(deleted)) {
    path.resize(path.size() - deleted.size());
  }
  const Key key{row.mnt_ns, path};
  const bool is_new = !watched_.contains(key);
  const bool fits = path.starts_with('/') && (!is_new || watched_.size() < settings_.max_files);
  if (fits && (is_new || !process.known)) {
    take(key, program, files.identity(link), now);
  }
  if (fits) {
    process.files.push_back(key);
  }
  lost_ += fits || path.empty() ? 0 : 1;
}

std::vector<std::string> FileWatch::configuration_of(Files& files, const ProcessView& view,
                                                     const ProcessRow& row,
                                                     Process& process) const {
  const std::string proc = "proc/" + std::to_string(row.tgid);
  const std::string cwd = files.link(proc + "/cwd");
  std::vector<std::string> named;
  if (const auto text = files.read(proc + "/cmdline")) {
    named = paths_in_command_line(*text);
  }
  std::vector<std::string> found;
  std::vector<std::string> data_directories{cwd};
  std::vector<std::string> directories{"/etc/" + (row.comm.empty() ? "-" : row.comm)};
  for (std::string& path : named) {
    const bool is_path = path.find('/') != std::string::npos;
    path = path.starts_with('/') ? path : cwd + "/" + path;
    if (matches_one(settings_.names, name_of(path))) {
      const std::string beside = directory_of(path) + "/";
      const std::string stem = path.substr(0, path.rfind('.'));
      for (const std::string& directory :
           {beside + "conf.d", beside + "sites-enabled", path + ".d", stem + ".d"}) {
        directories.push_back(directory);
      }
      found.push_back(std::move(path));
    } else if (is_path && data_directories.size() < most_data_directories) {
      data_directories.push_back(std::move(path));
    }
  }
  for (std::size_t i = 0; i < directories.size() && i < most_files_of_process; ++i) {
    const std::string directory = directories[i];
    if (view.identity(directory).inode == 0) {
      continue;
    }
    for (const std::string& name : view.list(directory)) {
      const std::string path = directory + "/" + name;
      if (i == 0 && is_include_directory(name)) {
        directories.push_back(path);
      } else if (matches_one(settings_.names, name)) {
        found.push_back(path);
      }
    }
    if (watched_.size() < settings_.max_files) {
      process.directories.emplace_back(row.mnt_ns, directory);
    }
  }
  for (const std::string& directory : data_directories) {
    for (const std::string& name : view.list(directory, most_data_files)) {
      if (matches_one(settings_.names, name) && is_named_after(name, row.comm)) {
        found.push_back(directory + "/" + name);
      }
    }
  }
  return found;
}

bool FileWatch::take(const Key& key, std::string_view kind, const FileIdentity& identity,
                     BootTime now) {
  const auto [entry, is_new] = watched_.try_emplace(key);
  Watched& watched = entry->second;
  const bool changed = !is_new && watched.identity != identity;
  if (changed && kind != directory_kind) {
    watched.changes = now - watched.changed_at < told_for ? watched.changes + 1 : 1;
    watched.changed_at = now;
  }
  watched.identity = identity;
  watched.kind = kind;
  watched.looked_at = now;
  return changed;
}

void FileWatch::forget(BootTime now) {
  std::map<Key, bool> used;
  for (const auto& [tgid, process] : processes_) {
    for (const auto* keys : {&process.files, &process.directories}) {
      std::for_each(keys->begin(), keys->end(), [&](const Key& key) { used[key] = true; });
    }
  }
  // A program is remembered until its service has started again.
  std::erase_if(watched_, [&](const auto& one) {
    return !used.contains(one.first) && now - one.second.looked_at > told_for;
  });
  std::erase_if(mounts_, [&](const auto& one) { return one.second.used_scan != scans_; });
}

void FileWatch::tell(BootTime now, std::span<const ProcessRow* const> processes) {
  rows_.clear();
  for (const ProcessRow* row : processes) {
    const auto process = processes_.find(row->tgid);
    if (process == processes_.end()) {
      continue;
    }
    for (const Key& key : process->second.files) {
      const auto found = watched_.find(key);
      if (found == watched_.end() || found->second.changes == 0 ||
          (found->second.changes > most_changes && found->second.kind != program) ||
          now - found->second.changed_at >= told_for) {
        continue;
      }
      const Watched& watched = found->second;
      rows_.push_back({.tgid = row->tgid,
                       .start_time_ns = row->start_time_ns,
                       .comm = row->comm,
                       .path = key.second,
                       .kind = std::string(watched.kind),
                       .changes = watched.changes,
                       .size_bytes = static_cast<double>(watched.identity.size_bytes)});
    }
  }
}

}  // namespace gala::proc_source
