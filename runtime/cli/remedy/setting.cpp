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
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "runtime/diagnostics.h"
#include "runtime/handle.h"

namespace gala {
namespace {

/// Files of version 2 with the controller and file that version 1 has for them.
struct GroupFile {
  std::string_view name;
  std::string_view controller;
  std::string_view old_name;
};
constexpr std::array<GroupFile, 3> group_files{{{"cpu.max", "cpu", "cpu.cfs_quota_us"},
                                                {"memory.max", "memory", "memory.limit_in_bytes"},
                                                {"pids.max", "pids", "pids.max"}}};
/// Version 1 says "no limit" by a number near the largest.
constexpr double unlimited = 9e18;

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
    if (fields[2] == "cgroup2" && std::filesystem::exists(base + "/" + std::string(file.name))) {
      return base + "/" + std::string(file.name);
    }
    const std::vector<std::string> options = parts_of(fields[3], ',', 64);
    const std::string old_file = base + "/" + std::string(file.old_name);
    if (fields[2] == "cgroup" &&
        std::find(options.begin(), options.end(), file.controller) != options.end() &&
        std::filesystem::exists(old_file)) {
      old_path = old_file;
    }
  }
  return old_path;
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    return fail("cannot read " + quote(path));
  }
  std::string value = text.str();
  while (!value.empty() && (value.back() == '\n' || value.back() == ' ')) {
    value.pop_back();
  }
  return value;
}

Result<void> write_text(const std::string& path, const std::string& text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file ||
      ::write(file.value(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail("cannot write " + quote(text) + " to " + quote(path) + ": " +
                std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
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

struct Number {
  std::size_t at = 0;
  std::size_t size = 0;
  double value = 0;
};

/// The first or last word of `text` if it is a number.
std::optional<Number> number_in(std::string_view text, bool first) {
  constexpr std::string_view blank = " \t";
  const auto from = first ? text.find_first_not_of(blank) : text.find_last_of(blank) + 1;
  if (from == std::string_view::npos || from >= text.size()) {
    return std::nullopt;
  }
  const auto to = std::min(text.find_first_of(blank, from), text.size());
  Number number{from, to - from, 0};
  const auto read = std::from_chars(text.data() + from, text.data() + to, number.value);
  const bool whole = read.ec == std::errc{} && read.ptr == text.data() + to;
  return whole ? std::optional(number) : std::nullopt;
}

double argument_of(std::string_view propose) {
  const std::string_view text = propose.substr(propose.find(':') + 1);
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The choice that a file like /sys/block/…/queue/scheduler marks: "none [mq-deadline]".
std::string_view chosen(std::string_view text) {
  const auto open = text.find('[');
  const auto close = text.find(']');
  const bool marked = open != std::string_view::npos && close != std::string_view::npos;
  return marked && open < close ? text.substr(open + 1, close - open - 1) : text;
}

}  // namespace

Result<Setting> Setting::find(std::string_view target, const KernelFiles& files) {
  const auto colon = target.find(':');
  const std::string_view kind = target.substr(0, colon);
  const std::string rest(colon == std::string_view::npos ? "" : target.substr(colon + 1));
  Setting setting;
  setting.files_ = files;
  if (!is_safe(rest) || rest.empty()) {
    return fail("cannot read the target " + quote(target));
  }
  if (kind == "sysctl") {
    const std::vector<std::string> parts = parts_of(rest, ':', 2);
    std::string name = parts[0];
    std::replace(name.begin(), name.end(), '.', '/');
    setting.path_ = files.proc + "/sys/" + name;
    if (parts.size() == 2 && name.starts_with("net/")) {
      const auto pid = number_of_process(parts[1]);
      if (!pid) {
        return fail("no process in the target " + quote(target));
      }
      setting.pid_ = *pid;
    }
    return setting;
  }
  if (kind == "cgroup") {
    const std::vector<std::string> parts = parts_of(rest, ':', 2);
    const auto file = std::find_if(group_files.begin(), group_files.end(),
                                   [&](const GroupFile& one) { return one.name == parts[0]; });
    const auto path = file == group_files.end() || parts.size() < 2 || !parts[1].starts_with('/')
                          ? std::nullopt
                          : group_path(*file, parts[1], files);
    if (!path) {
      return fail("no control group has the limit " + quote(target));
    }
    setting.path_ = *path;
    setting.first_counts_ = true;  // cpu.max is "<quota> <period>".
    return setting;
  }
  if (kind == "rlimit") {
    const std::vector<std::string> parts = parts_of(rest, ':', 2);
    const auto pid = parts.size() == 2 ? number_of_process(parts[1]) : std::nullopt;
    if (parts[0] != "nofile" || !pid) {
      return fail("cannot read the target " + quote(target));
    }
    setting.kind_ = Kind::open_files;
    setting.pid_ = *pid;
    return setting;
  }
  if (kind == "file" && (rest.starts_with("/sys/") || rest.starts_with("/proc/sys/"))) {
    setting.path_ = rest;
    return setting;
  }
  return fail("cannot read the target " + quote(target));
}

std::string Setting::where() const {
  if (kind_ == Kind::open_files) {
    return "limit of open files of process " + std::to_string(pid_);
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
  return in_namespace_of<std::string>(pid_, files_, [&] { return read_text(path_); });
}

Result<void> Setting::write(const std::string& text) const {
  if (kind_ == Kind::open_files) {
    rlimit limit{};
    rlim_t wanted = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), wanted);
    if (read.ec != std::errc{} || ::prlimit(pid_, RLIMIT_NOFILE, nullptr, &limit) != 0) {
      return fail("cannot change the limits of process " + std::to_string(pid_));
    }
    limit.rlim_cur = wanted;
    limit.rlim_max = std::max(limit.rlim_max, wanted);
    if (::prlimit(pid_, RLIMIT_NOFILE, &limit, nullptr) != 0) {
      return fail("cannot change the limits of process " + std::to_string(pid_) + ": " +
                  std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    }
    return {};
  }
  return in_namespace_of<void>(pid_, files_, [&] { return write_text(path_, text); });
}

std::optional<std::string> proposed_value(std::string_view now, std::string_view propose,
                                          double most, bool first_number) {
  if (propose.starts_with("set:")) {
    const std::string_view wanted = propose.substr(4);
    return chosen(now) == wanted ? std::nullopt : std::optional(std::string(wanted));
  }
  const auto number = number_in(now, first_number);
  if (!number || number->value < 0 || number->value >= unlimited) {
    return std::nullopt;  // "max" and -1: there is no limit.
  }
  const double argument = argument_of(propose);
  double wanted = propose.starts_with("times:") ? number->value * argument : argument;
  wanted = std::round(most > 0 ? std::min(wanted, most) : wanted);
  if (wanted <= number->value || wanted >= unlimited) {
    return std::nullopt;
  }
  std::string text(now);
  return text.replace(number->at, number->size, fmt::format("{:.0f}", wanted));
}

}  // namespace gala
