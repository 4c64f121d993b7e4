// The functions of an ELF file and the id that its linker gave it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/result.h"
#include "stages/profile-source/function_table.h"

namespace gala::profile_source {

/// Read once; the file is closed again.
class ElfFile {
 public:
  /// Symbols from .symtab, else from the file with debug information that the build id names below
  /// `debug_directory`, else from .dynsym.
  static Result<ElfFile> read(const std::string& path,
                              const std::string& debug_directory = "/usr/lib/debug");

  /// The function at this offset in the file, C++ names readable; empty when there is none.
  [[nodiscard]] std::string function_at(std::uint64_t file_offset) const;
  /// Hexadecimal; "" = it has none.
  [[nodiscard]] const std::string& build_id() const { return build_id_; }

 private:
  struct Segment {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t address = 0;
  };
  std::vector<Segment> segments_;
  FunctionTable functions_;
  std::string build_id_;
};

}  // namespace gala::profile_source
