// Names for addresses.
#include "stages/profile-source/symbolizer.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace gala::profile_source {
namespace {

/// Windows that a process or file is kept without being asked for.
constexpr std::uint64_t kept_windows = 12;
/// A compiler that runs for weeks writes large maps.
constexpr std::uintmax_t most_map_bytes = 64 << 20;

std::optional<std::string> read_text(const std::string& path) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (!failed && size > most_map_bytes) {
    return std::nullopt;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return std::nullopt;
  }
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::string file_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

/// The number that the process has for itself, which its compiler's map is named after.
std::uint32_t own_number(const std::optional<std::string>& status, std::uint32_t tgid) {
  const auto line = status ? status->find("\nNSpid:") : std::string::npos;
  if (line == std::string::npos) {
    return tgid;
  }
  std::istringstream words(status->substr(line + 7, status->find('\n', line + 1) - line - 7));
  std::uint32_t number = tgid;
  while (words >> number) {
  }
  return number;
}

}  // namespace

std::string Symbolizer::path(std::uint32_t tgid, const std::string& rest) const {
  return fmt::format("{}/proc/{}/{}", root_ == "/" ? "" : root_, tgid, rest);
}

void Symbolizer::begin_window() {
  ++window_;
  std::erase_if(processes_, [&](const auto& entry) {
    return entry.second.used_window + kept_windows < window_;
  });
  std::erase_if(
      files_, [&](const auto& entry) { return entry.second.used_window + kept_windows < window_; });
}

Symbolizer::Process& Symbolizer::process(std::uint32_t tgid) {
  Process& process = processes_[tgid];
  if (process.used_window != window_) {
    process.files.clear();
    process.compiled.reset();
  }
  process.used_window = window_;
  return process;
}

void Symbolizer::read_mappings(std::uint32_t tgid, Process& process) {
  process.read_window = window_;
  if (const auto text = read_text(path(tgid, "maps")); text && !text->empty()) {
    process.mappings = parse_memory_map(*text);
  }
}

/// Reads the mappings at most once a window: a program may have loaded something since.
const Mapping* Symbolizer::mapping_of(std::uint32_t tgid, Process& process, std::uint64_t address) {
  const Mapping* mapping = find_mapping(process.mappings, address);
  if (mapping == nullptr && process.read_window != window_) {
    read_mappings(tgid, process);
    mapping = find_mapping(process.mappings, address);
  }
  return mapping;
}

const Symbolizer::File& Symbolizer::file_of(std::uint32_t tgid, const Mapping& mapping) {
  File& file = files_[mapping.file_id];
  if (file.used_window == 0) {
    // By the mapping itself, which also leads to files that were deleted or are in a container.
    auto elf =
        ElfFile::read(path(tgid, fmt::format("map_files/{:x}-{:x}", mapping.begin, mapping.end)));
    if (!elf) {
      elf = ElfFile::read(path(tgid, "root" + mapping.path));
    }
    if (elf) {
      file.elf = std::move(*elf);
    }
  }
  file.used_window = window_;
  return file;
}

std::string Symbolizer::compiled(std::uint32_t tgid, Process& process, std::uint64_t address) {
  if (!process.compiled) {
    const std::uint32_t number = own_number(read_text(path(tgid, "status")), tgid);
    const auto text = read_text(path(tgid, fmt::format("root/tmp/perf-{}.map", number)));
    process.compiled = text ? parse_perf_map(*text) : FunctionTable{};
  }
  return std::string(process.compiled->find(address));
}

std::string Symbolizer::user(std::uint32_t tgid, std::uint64_t address) {
  Process& asked = process(tgid);
  const Mapping* mapping = mapping_of(tgid, asked, address);
  if (mapping == nullptr) {
    return "[unknown]";
  }
  if (mapping->file_id.empty()) {
    std::string name = compiled(tgid, asked, address);
    if (!name.empty()) {
      return name;
    }
    return mapping->path.empty() ? "[compiled at run time]" : mapping->path;
  }
  const std::uint64_t offset = address - mapping->begin + mapping->offset;
  asked.files.emplace(mapping->file_id, mapping->path);
  const File& file = file_of(tgid, *mapping);
  std::string name = file.elf ? file.elf->function_at(offset) : std::string();
  return name.empty() ? fmt::format("[{}]+{:#x}", file_name(mapping->path), offset) : name;
}

std::string Symbolizer::kernel(std::uint64_t address) {
  if (!kernel_) {
    const auto text = read_text(fmt::format("{}/proc/kallsyms", root_ == "/" ? "" : root_));
    kernel_ = text ? parse_kernel_symbols(*text) : FunctionTable{};
  }
  const std::string_view name = kernel_->find(address);
  return name.empty() ? "[kernel]" : fmt::format("{}_[k]", name);
}

std::vector<UsedModule> Symbolizer::modules_of(std::uint32_t tgid) const {
  std::vector<UsedModule> modules;
  const auto found = processes_.find(tgid);
  if (found == processes_.end()) {
    return modules;
  }
  for (const auto& [id, file_path] : found->second.files) {
    const auto file = files_.find(id);
    const bool read = file != files_.end() && file->second.elf;
    modules.push_back({file_path, read ? file->second.elf->build_id() : ""});
  }
  return modules;
}

}  // namespace gala::profile_source
