// Checks targets and proposals of remedies.
#include "runtime/model/remedy_grammar.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "runtime/core/diagnostics.h"

namespace gala {
namespace {

using Parts = std::vector<std::string_view>;

/// "a:{b|c}:d" → a, {b|c}, d.
Parts parts_of(std::string_view text) {
  Parts parts;
  for (auto colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':')) {
    parts.push_back(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  parts.push_back(text);
  return parts;
}

bool is_placeholder(std::string_view word) {
  return word.size() > 2 && word.front() == '{' && word.find('}') == word.size() - 1;
}

bool is_number(std::string_view word) {
  double value = 0;
  const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
  return read.ec == std::errc{} && read.ptr == word.data() + word.size();
}

bool is_name(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

std::optional<std::string> number_fault(std::string_view what, std::string_view word) {
  if (is_placeholder(word) || is_number(word)) {
    return std::nullopt;
  }
  return std::string(what) + " " + quote(word) + " is neither a number nor one {placeholder}";
}

std::optional<std::string> sysctl_fault(const Parts& parts) {
  if (parts.size() < 2 || parts.size() > 3 || !is_name(parts[1])) {
    return "a sysctl is written \"sysctl:net.core.somaxconn\" or, of a process' network "
           "namespace, \"sysctl:net.core.somaxconn:{cause.tgid}\"";
  }
  return parts.size() == 3 ? number_fault("the process", parts[2]) : std::nullopt;
}

std::optional<std::string> group_fault(const Parts& parts) {
  std::vector<std::string> known;
  known.reserve(group_files.size());
  for (const GroupFile& file : group_files) {
    known.emplace_back(file.name.empty() ? file.old_name : file.name);
  }
  if (parts.size() != 3 || (!is_placeholder(parts[2]) && !parts[2].starts_with('/'))) {
    return "a limit of a control group is written \"cgroup:cpu.max:{cause.cgroup}\"";
  }
  if (std::ranges::find(known, parts[1]) == known.end()) {
    return "control groups have no limit " + quote(parts[1]) + did_you_mean(parts[1], known);
  }
  return std::nullopt;
}

std::optional<std::string> process_limit_fault(const Parts& parts) {
  if (parts.size() != 3 || parts[1] != "nofile") {
    return "a limit of a process is written \"rlimit:nofile:{cause.tgid}\"";
  }
  return number_fault("the process", parts[2]);
}

std::optional<std::string> backlog_fault(const Parts& parts) {
  if (parts.size() != 3) {
    return "an accept queue is written \"backlog:{cause.tgid}:{cause.server_port}\"";
  }
  const auto process = number_fault("the process", parts[1]);
  return process ? process : number_fault("the port", parts[2]);
}

std::optional<std::string> file_fault(std::string_view path) {
  if (path.find("..") != std::string_view::npos ||
      !(path.starts_with("/sys/") || path.starts_with("/proc/sys/"))) {
    return "a file must stand under /sys or /proc/sys, without \"..\", not " + quote(path);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> target_fault(std::string_view target) {
  const Parts parts = parts_of(target);
  if (parts.front() == "sysctl") {
    return sysctl_fault(parts);
  }
  if (parts.front() == "cgroup") {
    return group_fault(parts);
  }
  if (parts.front() == "rlimit") {
    return process_limit_fault(parts);
  }
  if (parts.front() == "backlog") {
    return backlog_fault(parts);
  }
  if (parts.front() == "file" && parts.size() > 1) {
    return file_fault(target.substr(parts.front().size() + 1));
  }
  const std::vector<std::string> known{"sysctl", "cgroup", "rlimit", "backlog", "file"};
  return "no setting is called " + quote(parts.front()) + did_you_mean(parts.front(), known);
}

std::optional<std::string> proposal_fault(std::string_view propose) {
  const auto colon = propose.find(':');
  const std::string word(propose.substr(0, colon));
  const auto argument =
      colon == std::string_view::npos ? std::string_view{} : propose.substr(colon + 1);
  if (word == "set") {
    return argument.empty() ? std::optional<std::string>("\"set:\" needs the text to set")
                            : std::nullopt;
  }
  const std::vector<std::string> known{"at_least", "at_most", "times", "add", "set"};
  if (std::ranges::find(known, word) == known.end()) {
    return "no proposal is called " + quote(word) + did_you_mean(word, known);
  }
  return number_fault("the proposal's number", argument);
}

}  // namespace gala
