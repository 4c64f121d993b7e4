// Names for addresses, of the kernel and of processes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "stages/profile-source/elf_file.h"
#include "stages/profile-source/memory_map.h"

namespace gala::profile_source {

/// A file that code came from.
struct UsedModule {
  std::string path;
  std::string build_id;
};

/// Reads what it needs when it is first asked for, and keeps it: files until they are not used for
/// a while, a process's mappings until an address is not found in them. Bounded.
class Symbolizer {
 public:
  /// `root` stands before /proc.
  explicit Symbolizer(std::string root) : root_(std::move(root)) {}

  /// Forgets processes and files that were not asked for since the last call.
  void begin_window();

  /// "function", or "[file]+0xoffset", or "[unknown]" when the process has ended.
  std::string user(std::uint32_t tgid, std::uint64_t address);
  /// "function_[k]".
  std::string kernel(std::uint64_t address);
  /// The files that this process's names came from in this window.
  [[nodiscard]] std::vector<UsedModule> modules_of(std::uint32_t tgid) const;
  /// False when the kernel hides the addresses of its functions.
  [[nodiscard]] bool knows_kernel() const { return !kernel_ || kernel_->size() > 0; }

 private:
  struct File {
    std::optional<ElfFile> elf;
    std::uint64_t used_window = 0;
  };
  struct Process {
    std::vector<Mapping> mappings;
    std::optional<FunctionTable> compiled;
    /// Files by id, with their path.
    std::map<std::string, std::string> files;
    std::uint64_t read_window = 0;
    std::uint64_t used_window = 0;
  };

  std::string path(std::uint32_t tgid, const std::string& rest) const;
  Process& process(std::uint32_t tgid);
  void read_mappings(std::uint32_t tgid, Process& process);
  const Mapping* mapping_of(std::uint32_t tgid, Process& process, std::uint64_t address);
  const File& file_of(std::uint32_t tgid, const Mapping& mapping);
  std::string compiled(std::uint32_t tgid, Process& process, std::uint64_t address);

  std::string root_;
  std::uint64_t window_ = 1;
  std::optional<FunctionTable> kernel_;
  std::unordered_map<std::uint32_t, Process> processes_;
  std::unordered_map<std::string, File> files_;
};

}  // namespace gala::profile_source
