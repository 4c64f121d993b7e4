// Finds the TLS libraries in what runs.
#include "stages/l7-source/tls_finder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "stages/l7-source/elf_functions.h"
#include "stages/l7-source/tls_points.h"

namespace gala::l7_source {
namespace {

using namespace std::chrono_literals;

constexpr Duration first_pause = 1s;
constexpr Duration longest_pause = 30s;
/// Probes at a file that nobody maps any more hold its file system.
constexpr Duration kept_unused = 15s;
constexpr std::uint64_t most_file_bytes = std::uint64_t{4} << 30;
/// A file that takes longer to read is given up.
constexpr auto reading_limit = 2s;

FileBytes bytes_of(int descriptor) {
  struct stat status{};
  ::fstat(descriptor, &status);
  const auto until = std::chrono::steady_clock::now() + reading_limit;
  return {static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0)),
          [descriptor, until](std::uint64_t offset, std::span<std::uint8_t> into) {
            while (!into.empty()) {
              const ssize_t got =
                  ::pread(descriptor, into.data(), into.size(), static_cast<off_t>(offset));
              if (got <= 0 || std::chrono::steady_clock::now() > until) {
                return false;
              }
              offset += static_cast<std::uint64_t>(got);
              into = into.subspan(static_cast<std::size_t>(got));
            }
            return true;
          }};
}

/// Containers on one image see its files by different devices, but the kernel runs probes for all
/// of them: a second probe would tell everything twice. Nobody can choose when an inode was
/// changed.
std::string identity_of(const FileDescriptor& file) {
  struct stat status{};
  ::fstat(file.value(), &status);
  return fmt::format("{} {} {}.{:09}", status.st_ino, status.st_size, status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

using FindPoints = Result<std::vector<bpf::FunctionPoint>> (*)(const ElfFunctions&);

Result<std::vector<bpf::FunctionPoint>> points_in(const FileDescriptor& file, FindPoints find) {
  FileBytes bytes = bytes_of(file.value());
  if (bytes.size > most_file_bytes) {
    return fail("it is too large");
  }
  const ElfFunctions functions = TRY(ElfFunctions::open(std::move(bytes)));
  std::vector<bpf::FunctionPoint> points = TRY(find(functions));
  for (bpf::FunctionPoint& point : points) {
    point.file = fmt::format("/proc/self/fd/{}", file.value());
  }
  return points;
}

}  // namespace

void TlsFinder::look(BootTime now) {
  for (const std::uint32_t pid : process_numbers()) {
    auto found = processes_.find(pid);
    if (found == processes_.end()) {
      if (processes_.size() >= most_known) {
        continue;
      }
      found = processes_.emplace(pid, Process{now, first_pause, now, {}}).first;
    }
    Process& process = found->second;
    process.seen = now;
    if (process.due <= now) {
      process.due = now + process.pause;
      process.pause = std::min(2 * process.pause, longest_pause);
      look_at(pid, process, now);
    }
    for (const std::string& id : process.files) {
      if (const auto file = files_.find(id); file != files_.end()) {
        file->second.used = now;
      }
    }
  }
  forget(now);
}

void TlsFinder::look_at(std::uint32_t pid, Process& process, BootTime now) {
  process.files.clear();
  const auto maps = read_maps(pid);
  if (!maps) {
    return;
  }
  const std::string program = program_of(pid);
  for (const MappedFile& mapped : mapped_code(*maps)) {
    if (mapped.path != program && !is_named_like_tls(mapped.path)) {
      continue;
    }
    auto found = files_.find(mapped.id);
    if (found == files_.end()) {
      if (files_.size() >= most_known) {
        ++state_.no_room;
        continue;
      }
      found = files_.try_emplace(mapped.id).first;
      examine(pid, mapped, found->second);
    }
    found->second.used = now;
    process.files.push_back(mapped.id);
    if (const auto same = files_.find(found->second.same_as); same != files_.end()) {
      same->second.used = now;
      process.files.push_back(same->first);
    }
  }
}

void TlsFinder::examine(std::uint32_t pid, const MappedFile& mapped, File& file) {
  const auto opened = open_mapped(pid, mapped);
  if (!opened) {
    ++state_.unreadable;
    return;
  }
  const auto points = points_in(*opened, tls_points);
  if (!points) {
    ++state_.unparsable;
    return;
  }
  if (points->empty()) {
    return;
  }
  file.identity = identity_of(*opened);
  for (const auto& [id, other] : files_) {
    if (!other.hooks.empty() && other.identity == file.identity) {
      file.same_as = id;
      return;
    }
  }
  if (state_.files >= most_files) {
    ++state_.no_room;
    return;
  }
  for (const bpf::FunctionPoint& point : *points) {
    auto hook = attach_(point);
    if (!hook) {
      // Half of them would tell requests without answers.
      ++state_.unattachable;
      file.hooks.clear();
      return;
    }
    file.hooks.push_back(std::move(*hook));
  }
  ++state_.files;
  state_.points += file.hooks.size();
}

void TlsFinder::watch_taking(std::uint32_t pid) {
  const auto maps = read_maps(pid);
  if (!maps || taking_.contains(pid)) {
    return;
  }
  if (taking_.size() >= most_taking) {
    ++state_.no_room;
    return;
  }
  std::vector<bpf::FunctionHook>& hooks = taking_[pid];
  const std::string program = program_of(pid);
  for (const MappedFile& mapped : mapped_code(*maps)) {
    if (mapped.path != program && !is_named_like_crypto(mapped.path)) {
      continue;
    }
    const auto opened = open_mapped(pid, mapped);
    const auto points =
        opened ? points_in(*opened, tls_taking_points) : Result<std::vector<bpf::FunctionPoint>>{};
    for (bpf::FunctionPoint point : points.value_or(std::vector<bpf::FunctionPoint>{})) {
      point.process = pid;
      if (auto hook = attach_(point)) {
        hooks.push_back(std::move(*hook));
      } else {
        ++state_.unattachable;
      }
    }
  }
}

/// Processes that have ended, and files that nobody maps any more.
void TlsFinder::forget(BootTime now) {
  std::erase_if(processes_, [&](const auto& entry) { return entry.second.seen < now; });
  std::erase_if(taking_, [&](const auto& entry) { return !processes_.contains(entry.first); });
  std::erase_if(files_, [&](const auto& entry) {
    const bool unused = now - entry.second.used > kept_unused;
    if (unused && !entry.second.hooks.empty()) {
      --state_.files;
      state_.points -= entry.second.hooks.size();
    }
    return unused;
  });
}

}  // namespace gala::l7_source
