// Reads and writes kernel settings.
#include "runtime/cli/remedy/setting.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "runtime/cli/remedy/listen_backlog.h"
#include "runtime/core/diagnostics.h"
#include "runtime/core/handle.h"
#include "runtime/core/read_file.h"
#include "runtime/model/remedy_grammar.h"

namespace gala {
namespace {

std::vector<std::string> parts_of(std::string_view text, char separator, std::size_t most) {
  std::vector<std::string> parts;
  while (parts.size() + 1 < most && text.find(separator) != std::string_view::npos) {
    parts.emplace_back(text.substr(0, text.find(separator)));
    text.remove_prefix(text.find(separator) + 1);
  }
  parts.emplace_back(text);
  return parts;
}

std::optional<int> number_of_process(std::string_view text) {
  int pid = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), pid);
  const bool fits = read.ec == std::errc{} && read.ptr == text.data() + text.size() && pid > 0;
  return fits ? std::optional(pid) : std::nullopt;
}

bool is_safe(std::string_view path) { return path.find("..") == std::string_view::npos; }

/// The file of a control group, in whichever mounted hierarchy has it.
std::optional<std::string> group_path(const GroupFile& file, const std::string& group,
                                      const KernelFiles& files) {
  std::ifstream mounts(files.proc + "/self/mounts");
  std::string line;
  std::optional<std::string> old_path;
  while (std::getline(mounts, line)) {
    const std::vector<std::string> fields = parts_of(line, ' ', 6);
    if (fields.size() < 4) {
      continue;
    }
    const std::string base = fields[1] + (group == "/" ? "" : group);
    std::string new_file = base + "/" + std::string(file.name);
    if (fields[2] == "cgroup2" && !file.name.empty() && std::filesystem::exists(new_file)) {
      return new_file;
    }
    const std::vector<std::string> options = parts_of(fields[3], ',', 64);
    const std::string old_file = base + "/" + std::string(file.old_name);
    if (fields[2] == "cgroup" && !file.old_name.empty() &&
        std::find(options.begin(), options.end(), file.controller) != options.end() &&
        std::filesystem::exists(old_file)) {
      old_path = old_file;
    }
  }
  return old_path;
}

Result<std::string> read_text(const std::string& path) {
  std::string value = TRY(read_file(path));
  while (!value.empty() && (value.back() == '\n' || value.back() == ' ')) {
    value.pop_back();
  }
  return value;
}

Result<void> write_text(const std::string& path, const std::string& text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  // Limits of several devices are several lines, of which the kernel takes one at a time.
  for (const std::string& line : parts_of(text, '\n', text.size() + 1)) {
    if (!file ||
        ::write(file.value(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      return fail("cannot write " + quote(line) + " to " + quote(path) + ": " +
                  std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    }
  }
  return {};
}

/// Runs `body` in the network namespace of `pid`: /proc/sys/net shows the caller's. A thread of its
/// own, so that this one stays where it is.
template <class Value, class Body>
Result<Value> in_namespace_of(int pid, const KernelFiles& files, Body&& body) {
  if (pid == 0) {
    return body();
  }
  Result<Value> result = fail("");
  std::thread([&] {
    const std::string path = fmt::format("{}/{}/ns/net", files.proc, pid);
    const FileDescriptor net(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!net || ::setns(net.value(), CLONE_NEWNET) != 0) {
      result = fail("cannot enter the network namespace of process " + std::to_string(pid) + ": " +
                    std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
      return;
    }
    result = body();
  }).join();
  return result;
}

Result<void> limit_files(int pid, rlim_t wanted) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0) {
    limit.rlim_cur = wanted;
    limit.rlim_max = std::max(limit.rlim_max, wanted);
    if (::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0) {
      return {};
    }
  }
  return fail("cannot change the limits of process " + std::to_string(pid) + ": " +
              std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
}

/// Microseconds of a period, in which a CPU limit counts.
Result<double> period_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const bool new_file = path.substr(slash + 1) == "cpu.max";
  const std::string text =
      TRY(read_text(new_file ? path : path.substr(0, slash) + "/cpu.cfs_period_us"));
  const std::string word = new_file ? text.substr(text.rfind(' ') + 1) : text;
  double period = 0;
  std::from_chars(word.data(), word.data() + word.size(), period);
  return period > 0 ? Result<double>(period) : fail("no period in " + quote(path));
}

}  // namespace

Result<Setting> Setting::find(std::string_view target, const KernelFiles& files) {
  const auto colon = target.find(':');
  const std::string_view kind = target.substr(0, colon);
  const std::string rest(colon == std::string_view::npos ? "" : target.substr(colon + 1));
  Setting setting;
  setting.files_ = files;
  Result<void> found = fail("cannot read the target " + quote(target));
  if (!is_safe(rest) || rest.empty()) {
    // No path out of where such values stand.
  } else if (kind == "sysctl") {
    found = setting.find_sysctl(rest);
  } else if (kind == "cgroup") {
    found = setting.find_group(rest);
  } else if (kind == "rlimit" || kind == "backlog") {
    found = setting.find_of_process(rest, kind == "backlog");
  } else if (kind == "file" && (rest.starts_with("/sys/") || rest.starts_with("/proc/sys/"))) {
    setting.path_ = rest;
    found = {};
  }
  TRY(std::move(found));
  return setting;
}

Result<void> Setting::find_sysctl(const std::string& rest) {
  const std::vector<std::string> parts = parts_of(rest, ':', 2);
  std::string name = parts[0];
  std::replace(name.begin(), name.end(), '.', '/');
  path_ = files_.proc + "/sys/" + name;
  if (parts.size() == 2 && name.starts_with("net/")) {
    const auto pid = number_of_process(parts[1]);
    if (!pid) {
      return fail("no process in the target " + quote(rest));
    }
    pid_ = *pid;
  }
  return {};
}

Result<void> Setting::find_group(const std::string& rest) {
  const std::vector<std::string> parts = parts_of(rest, ':', 2);
  const auto file = std::find_if(group_files.begin(), group_files.end(), [&](const GroupFile& one) {
    return (one.name.empty() ? one.old_name : one.name) == parts[0];
  });
  const auto path = file == group_files.end() || parts.size() < 2 || !parts[1].starts_with('/')
                        ? std::nullopt
                        : group_path(*file, parts[1], files_);
  if (!path) {
    return fail("no control group has the limit " + quote(rest));
  }
  path_ = *path;
  shape_.numbers = ValueShape::Numbers::first;  // cpu.max is "<quota> <period>".
  if (file->name == "cpu.max") {
    shape_.unit = TRY(period_of(path_));
  } else if (file->name == "io.max" || file->controller == "blkio") {
    shape_.numbers = ValueShape::Numbers::every;
  }
  return {};
}

Result<void> Setting::find_of_process(const std::string& rest, bool backlog) {
  const std::vector<std::string> parts = parts_of(rest, ':', 2);
  const auto pid = parts.size() == 2 ? number_of_process(parts[backlog ? 0 : 1]) : std::nullopt;
  const auto port = backlog && pid ? number_of_process(parts[1]) : std::nullopt;
  if (!pid || (!backlog && parts[0] != "nofile") || (backlog && (!port || *port > 65535))) {
    return fail("cannot read the target " + quote(rest));
  }
  kind_ = backlog ? Kind::backlog : Kind::open_files;
  pid_ = *pid;
  port_ = static_cast<std::uint16_t>(port.value_or(0));
  return {};
}

std::string Setting::where() const {
  if (kind_ == Kind::open_files) {
    return "limit of open files of process " + std::to_string(pid_);
  }
  if (kind_ == Kind::backlog) {
    return fmt::format("accept queue of process {}, port {}", pid_, port_);
  }
  return pid_ == 0 ? path_ : path_ + " in the network namespace of process " + std::to_string(pid_);
}

Result<std::string> Setting::read() const {
  if (kind_ == Kind::open_files) {
    rlimit limit{};
    if (::prlimit(pid_, RLIMIT_NOFILE, nullptr, &limit) != 0) {
      return fail("cannot read the limits of process " + std::to_string(pid_));
    }
    return fmt::format("{}", limit.rlim_cur);
  }
  if (kind_ == Kind::backlog) {
    return std::to_string(TRY(backlog_of({pid_, port_})));
  }
  return in_namespace_of<std::string>(pid_, files_, [&] { return read_text(path_); });
}

Result<void> Setting::write(const std::string& text) const {
  if (kind_ == Kind::file) {
    return in_namespace_of<void>(pid_, files_, [&] { return write_text(path_, text); });
  }
  std::uint32_t wanted = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), wanted);
  if (read.ec != std::errc{}) {
    return fail(quote(text) + " is no number");
  }
  return kind_ == Kind::backlog ? set_backlog({pid_, port_}, wanted) : limit_files(pid_, wanted);
}

}  // namespace gala
