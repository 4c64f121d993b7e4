// Files whose code a process runs.
#include "stages/l7-source/mapped_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <set>

namespace gala::l7_source {
namespace {

constexpr std::size_t most_map_bytes = 4 << 20;

/// Takes the word before the next blanks off the line.
std::string_view take_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(line.find_first_not_of(' ', end), line.size()));
  return word;
}

bool parse_hexadecimal(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

/// "begin-end permissions offset device inode   path"
std::optional<MappedFile> parse_line(std::string_view line) {
  MappedFile file;
  const std::string_view range = take_word(line);
  const std::string_view permissions = take_word(line);
  take_word(line);
  const std::string_view device = take_word(line);
  const std::string_view inode = take_word(line);
  const auto dash = range.find('-');
  if (dash == std::string_view::npos || permissions.find('x') == std::string_view::npos ||
      !line.starts_with('/') || !parse_hexadecimal(range.substr(0, dash), file.begin) ||
      !parse_hexadecimal(range.substr(dash + 1), file.end)) {
    return std::nullopt;
  }
  file.id = fmt::format("{} {}", device, inode);
  file.path = line;
  return file;
}

/// A file that was opened without touching it becomes readable, if reading it can do no harm.
Result<FileDescriptor> reopen(const FileDescriptor& file, const std::string& path) {
  struct stat status{};
  if (::fstat(file.value(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(path + " is no regular file");
  }
  FileDescriptor readable(::open(fmt::format("/proc/self/fd/{}", file.value()).c_str(),
                                 O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!readable) {
    return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  }
  return readable;
}

/// glibc 2.36 has no wrapper for openat2 (Linux 5.6).
FileDescriptor open_below(const FileDescriptor& root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return FileDescriptor(
      static_cast<int>(::syscall(SYS_openat2, root.value(), path.c_str(), &how, sizeof(how))));
}

}  // namespace

std::vector<MappedFile> mapped_code(std::string_view maps) {
  std::vector<MappedFile> files;
  std::set<std::string> seen;
  while (!maps.empty()) {
    const auto end = std::min(maps.find('\n'), maps.size());
    if (auto file = parse_line(maps.substr(0, end)); file && seen.insert(file->id).second) {
      files.push_back(std::move(*file));
    }
    maps.remove_prefix(std::min(end + 1, maps.size()));
  }
  return files;
}

bool is_named_like_tls(std::string_view path) {
  constexpr std::array<std::string_view, 5> words{"ssl", "tls", "tcnative", "conscrypt", "boring"};
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.find(".so") != std::string_view::npos &&
         std::ranges::any_of(words, [&](std::string_view word) {
           return name.find(word) != std::string_view::npos;
         });
}

bool is_named_like_crypto(std::string_view path) {
  return path.substr(path.rfind('/') + 1).starts_with("libcrypto");
}

std::vector<std::uint32_t> process_numbers() {
  std::vector<std::uint32_t> numbers;
  const Handle<DIR, ::closedir> directory(::opendir("/proc"));
  if (directory == nullptr) {
    return numbers;
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) {
      numbers.push_back(number);
    }
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::optional<std::string> read_maps(std::uint32_t pid) {
  const FileDescriptor file(
      ::open(fmt::format("/proc/{}/maps", pid).c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 16384> part{};
  while (file && text.size() < most_map_bytes) {
    const ssize_t got = ::read(file.value(), part.data(), part.size());
    if (got <= 0) {
      break;
    }
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::string program_of(std::uint32_t pid) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size =
      ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string{};
}

Result<FileDescriptor> open_mapped(std::uint32_t pid, const MappedFile& file) {
  const std::string mapping =
      fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, file.begin, file.end);
  if (const FileDescriptor found(::open(mapping.c_str(), O_PATH | O_CLOEXEC)); found) {
    return reopen(found, file.path);
  }
  const FileDescriptor root(
      ::open(fmt::format("/proc/{}/root", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const FileDescriptor found = root ? open_below(root, file.path) : FileDescriptor{};
  if (!found) {
    return fail(
        fmt::format("cannot open {} of process {}: {}", file.path, pid, std::strerror(errno)));
  }
  return reopen(found, file.path);
}

}  // namespace gala::l7_source
