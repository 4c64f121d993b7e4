// Whom the probes watch.
#include "stages/ebpf-source/watched.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace gala::ebpf_source {
namespace {

template <class Number>
std::optional<Number> parse_whole(std::string_view word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = error == std::errc{} && end == word.data() + word.size();
  return whole ? std::optional(value) : std::nullopt;
}

bool matches(const std::vector<std::string>& words, std::uint32_t tgid, const std::string& comm) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    const auto number = parse_tgid(word);
    return number ? *number == tgid : ::fnmatch(word.c_str(), comm.c_str(), 0) == 0;
  });
}

}  // namespace

std::optional<std::uint16_t> parse_port(std::string_view word) {
  return parse_whole<std::uint16_t>(word);
}

std::optional<std::uint32_t> parse_tgid(std::string_view word) {
  return parse_whole<std::uint32_t>(word);
}

std::vector<std::uint32_t> find_processes(const std::vector<std::string>& words,
                                          const std::string& proc) {
  std::vector<std::uint32_t> found;
  if (words.empty()) {
    return found;
  }
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(proc, failed)) {
    const auto tgid = parse_tgid(entry.path().filename().native());
    if (!tgid) {
      continue;
    }
    std::string comm;
    std::getline(std::ifstream(entry.path() / "comm") >> std::ws, comm);
    if (matches(words, *tgid, comm)) {
      found.push_back(*tgid);
    }
  }
  std::sort(found.begin(), found.end());
  return found.empty() ? std::vector{no_process} : found;
}

std::vector<std::uint64_t> find_cgroups(const std::vector<std::string>& paths,
                                        const std::string& mount,
                                        std::vector<std::string>& missing) {
  std::vector<std::uint64_t> found;
  for (const std::string& path : paths) {
    struct stat status{};
    if (::stat((mount + "/" + path).c_str(), &status) == 0) {
      found.push_back(status.st_ino);
    } else {
      missing.push_back(path);
    }
  }
  if (found.empty() && !paths.empty()) {
    found.push_back(0);  // no cgroup has this id: nobody passes
  }
  return found;
}

}  // namespace gala::ebpf_source
