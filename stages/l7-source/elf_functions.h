// Functions of an ELF file that anybody may have written: where they are, and their code.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/result.h"

namespace gala::l7_source {

/// A file as it is read: in parts, never as a whole.
struct FileBytes {
  std::uint64_t size = 0;
  /// Fills `into` from `offset`; false when not all of it could be read.
  std::function<bool(std::uint64_t offset, std::span<std::uint8_t> into)> read;
};

/// Looks at headers and symbols only, in parts of a fixed size, within limits: memory does not grow
/// with the file, and nothing in it is believed before it is compared with the file's size.
class ElfFunctions {
 public:
  struct Function {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
  };
  using Found = std::map<std::string_view, Function>;

  /// An error for what is no 64-bit ELF file of this machine.
  static Result<ElfFunctions> open(FileBytes file);

  /// Those of `names` that the file defines, which outlive the result.
  [[nodiscard]] Result<Found> find(std::span<const std::string_view> names) const;
  /// Of code that is loaded to this address.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::uint64_t address) const;
  /// The first bytes of the code there, `most` at most; empty when there is none.
  [[nodiscard]] std::vector<std::uint8_t> code(std::uint64_t address, std::size_t most) const;

  [[nodiscard]] std::uint64_t size() const { return file_.size; }
  /// Bytes from `offset` on, fewer at the end; empty when they cannot be read.
  [[nodiscard]] std::vector<std::uint8_t> read_at_most(std::uint64_t offset,
                                                       std::size_t most) const;
  /// Where the first section of data begins that begins so.
  [[nodiscard]] std::optional<std::uint64_t> section_beginning_with(
      std::span<const std::uint8_t> bytes) const;
  /// Of the largest section of code; 0 = there is none.
  [[nodiscard]] std::uint64_t text_address() const;

 private:
  struct Section {
    std::uint32_t type = 0;
    bool is_code = false;
    std::uint64_t address = 0;
    std::uint32_t link = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  struct Segment {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t address = 0;
  };
  /// Offsets in a table of strings at which one of the names ends the string, and which name it is.
  using Places = std::map<std::uint32_t, std::string_view>;

  explicit ElfFunctions(FileBytes file) : file_(std::move(file)) {}
  Result<> read_sections(std::uint64_t offset, std::size_t count);
  Result<> read_segments(std::uint64_t offset, std::size_t count);
  [[nodiscard]] Result<Places> find_strings(const Section& table,
                                            std::span<const std::string_view> names) const;
  [[nodiscard]] Result<> find_symbols(const Section& table, const Places& places,
                                      Found& found) const;

  FileBytes file_;
  std::vector<Section> sections_;
  std::vector<Segment> segments_;
};

}  // namespace gala::l7_source
