// CPU limits of control groups, versions 1 and 2.
#include "tests/remedy/cpu_group.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <utility>

namespace gala {
namespace {

namespace fs = std::filesystem;

constexpr int period_us = 100'000;

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  return static_cast<bool>(file << text << std::flush);
}

}  // namespace

std::optional<CpuGroup> CpuGroup::make(const std::string& path) {
  for (const auto& [root, name] : {std::pair<std::string, std::string>{"/sys/fs/cgroup", "cpu.max"},
                                   {"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us"}}) {
    const std::string directory = root + path;
    std::error_code failed;
    if (!fs::exists(root + "/cgroup.procs") || !fs::create_directory(directory, failed)) {
      continue;
    }
    if (fs::exists(directory + "/" + name)) {
      return CpuGroup(directory, directory + "/" + name);
    }
    fs::remove(directory, failed);
  }
  return std::nullopt;
}

CpuGroup::CpuGroup(CpuGroup&& other) noexcept
    : directory_(std::exchange(other.directory_, {})), file_(std::move(other.file_)) {}

CpuGroup::~CpuGroup() {
  if (!directory_.empty()) {
    std::error_code failed;
    fs::remove(directory_, failed);
  }
}

bool CpuGroup::limit(double cpus) const {
  const auto quota = static_cast<int>(cpus * period_us);
  if (file_.ends_with("cpu.max")) {
    return write(file_, quota > 0 ? fmt::format("{} {}", quota, period_us) : "max");
  }
  return write(directory_ + "/cpu.cfs_period_us", std::to_string(period_us)) &&
         write(file_, std::to_string(quota > 0 ? quota : -1));
}

std::string CpuGroup::limit_text() const {
  std::ifstream file(file_);
  std::string text;
  std::getline(file, text);
  return text;
}

}  // namespace gala
