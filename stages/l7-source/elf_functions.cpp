// Functions of an ELF file that anybody may have written.
#include "stages/l7-source/elf_functions.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace gala::l7_source {
namespace {

constexpr std::size_t most_sections = 512;
constexpr std::size_t most_segments = 64;
/// Of one table of symbols or of their names; a browser has 100 MB of both.
constexpr std::uint64_t most_table_bytes = 256 << 20;
constexpr std::size_t part_bytes = 256 << 10;
/// Strings that end like one of the names.
constexpr std::size_t most_places = 1024;

#if defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
#else
constexpr std::uint16_t this_machine = EM_X86_64;
#endif

template <class Value>
bool read_value(const FileBytes& file, std::uint64_t offset, Value& value) {
  std::array<std::uint8_t, sizeof(Value)> bytes{};
  if (!file.read(offset, bytes)) {
    return false;
  }
  std::memcpy(&value, bytes.data(), sizeof(value));
  return true;
}

bool lies_within(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

}  // namespace

Result<ElfFunctions> ElfFunctions::open(FileBytes file) {
  ElfFunctions elf(std::move(file));
  Elf64_Ehdr header;
  if (!read_value(elf.file_, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return fail("it is no ELF file");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != this_machine) {
    return fail("it is for another kind of machine");
  }
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_phentsize != sizeof(Elf64_Phdr) ||
      header.e_shnum > most_sections || header.e_phnum > most_segments) {
    return fail("its headers are of an unusual size or number");
  }
  TRY(elf.read_sections(header.e_shoff, header.e_shnum));
  TRY(elf.read_segments(header.e_phoff, header.e_phnum));
  return elf;
}

Result<> ElfFunctions::read_sections(std::uint64_t offset, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Elf64_Shdr header;
    if (!read_value(file_, offset + i * sizeof(header), header)) {
      return fail("its table of sections is cut off");
    }
    sections_.push_back({header.sh_type, (header.sh_flags & SHF_EXECINSTR) != 0, header.sh_addr,
                         header.sh_link, header.sh_offset, header.sh_size});
  }
  return {};
}

Result<> ElfFunctions::read_segments(std::uint64_t offset, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Elf64_Phdr header;
    if (!read_value(file_, offset + i * sizeof(header), header)) {
      return fail("its table of segments is cut off");
    }
    const bool is_code = header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0;
    if (is_code && lies_within(header.p_offset, header.p_filesz, file_.size)) {
      segments_.push_back({header.p_offset, header.p_filesz, header.p_vaddr});
    }
  }
  return {};
}

Result<ElfFunctions::Found> ElfFunctions::find(std::span<const std::string_view> names) const {
  Found found;
  for (const Section& section : sections_) {
    if ((section.type != SHT_SYMTAB && section.type != SHT_DYNSYM) ||
        section.link >= sections_.size()) {
      continue;
    }
    const Section& strings = sections_[section.link];
    if (!lies_within(section.offset, section.size, file_.size) ||
        !lies_within(strings.offset, strings.size, file_.size)) {
      return fail("its symbols are cut off");
    }
    if (section.size > most_table_bytes || strings.size > most_table_bytes) {
      return fail("it has more symbols than are looked at");
    }
    const Places places = TRY(find_strings(strings, names));
    if (!places.empty()) {
      TRY(find_symbols(section, places, found));
    }
  }
  return found;
}

/// A linker may let one string be the end of another, so what stands before a name does not matter.
Result<ElfFunctions::Places> ElfFunctions::find_strings(
    const Section& table, std::span<const std::string_view> names) const {
  std::size_t overlap = 0;
  for (const std::string_view name : names) {
    overlap = std::max(overlap, name.size() + 1);
  }
  Places places;
  std::vector<std::uint8_t> part;
  for (std::uint64_t begin = 0; begin < table.size; begin += part_bytes) {
    part.resize(std::min<std::uint64_t>(part_bytes + overlap, table.size - begin));
    if (!file_.read(table.offset + begin, part)) {
      return fail("the names of its symbols cannot be read");
    }
    const std::string_view text(reinterpret_cast<const char*>(part.data()), part.size());
    for (const std::string_view name : names) {
      for (std::size_t at = text.find(name); at != std::string_view::npos;
           at = text.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        if (end < text.size() && text[end] == '\0' && places.size() < most_places) {
          places[static_cast<std::uint32_t>(begin + at)] = name;
        }
      }
    }
  }
  return places;
}

Result<> ElfFunctions::find_symbols(const Section& table, const Places& places,
                                    Found& found) const {
  constexpr std::size_t part = part_bytes / sizeof(Elf64_Sym);
  const std::uint64_t count = table.size / sizeof(Elf64_Sym);
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t first = 0; first < count; first += part) {
    const std::size_t here = std::min<std::uint64_t>(part, count - first);
    bytes.resize(here * sizeof(Elf64_Sym));
    if (!file_.read(table.offset + first * sizeof(Elf64_Sym), bytes)) {
      return fail("its symbols cannot be read");
    }
    for (std::size_t i = 0; i < here; ++i) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, bytes.data() + i * sizeof(symbol), sizeof(symbol));
      if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC) {
        continue;
      }
      const auto place = places.find(symbol.st_name);
      if (place != places.end() && offset_of(symbol.st_value)) {
        found.try_emplace(place->second, Function{symbol.st_value, symbol.st_size});
      }
    }
  }
  return {};
}

std::optional<std::uint64_t> ElfFunctions::offset_of(std::uint64_t address) const {
  for (const Segment& segment : segments_) {
    if (address >= segment.address && address - segment.address < segment.size) {
      return segment.offset + (address - segment.address);
    }
  }
  return std::nullopt;
}

std::vector<std::uint8_t> ElfFunctions::code(std::uint64_t address, std::size_t most) const {
  const auto offset = offset_of(address);
  return offset ? read_at_most(*offset, most) : std::vector<std::uint8_t>{};
}

std::vector<std::uint8_t> ElfFunctions::read_at_most(std::uint64_t offset, std::size_t most) const {
  std::vector<std::uint8_t> bytes(
      std::min<std::uint64_t>(most, file_.size - std::min(offset, file_.size)));
  if (!file_.read(offset, bytes)) {
    return {};
  }
  return bytes;
}

std::optional<std::uint64_t> ElfFunctions::section_beginning_with(
    std::span<const std::uint8_t> bytes) const {
  for (const Section& section : sections_) {
    if (section.type == SHT_PROGBITS && section.size > bytes.size() &&
        std::ranges::equal(read_at_most(section.offset, bytes.size()), bytes)) {
      return section.offset;
    }
  }
  return std::nullopt;
}

std::uint64_t ElfFunctions::text_address() const {
  const auto largest = std::ranges::max_element(
      sections_, {}, [](const Section& section) { return section.is_code ? section.size : 0; });
  return largest == sections_.end() || !largest->is_code ? 0 : largest->address;
}

}  // namespace gala::l7_source
