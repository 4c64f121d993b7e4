// Machine identity and own resource use.
#include "runtime/core/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <fstream>
#include <sstream>

namespace gala {
namespace {

std::string first_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

std::string with_id_characters(std::string text) {
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '.') {
      c = ':';
    }
  }
  return text;
}

/// The number after `name` in kB, as bytes.
std::uint64_t bytes_of_line(const std::string& line, std::string_view name) {
  if (!line.starts_with(name)) {
    return 0;
  }
  std::istringstream rest(line.substr(name.size()));
  std::uint64_t kilobytes = 0;
  rest >> kilobytes;
  return kilobytes * 1024;
}

}  // namespace

std::string machine_id(const std::string& root) {
  for (const char* path : {"/etc/machine-id", "/sys/class/dmi/id/product_uuid"}) {
    if (const std::string id = first_word(root + path); !id.empty() && id != "uninitialized") {
      return with_id_characters(id);
    }
  }
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.front() == '\0' ? "localhost" : with_id_characters(name.data());
}

std::uint64_t process_cpu_ns() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_usec) * 1'000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

ProcessUsage process_usage() {
  ProcessUsage usage;
  usage.cpu_ns = process_cpu_ns();
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    usage.resident_bytes += bytes_of_line(line, "Rss:");
    usage.proportional_bytes += bytes_of_line(line, "Pss:");
  }
  return usage;
}

}  // namespace gala
