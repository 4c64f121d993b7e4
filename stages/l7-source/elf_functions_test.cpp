// Functions of ELF files, and points of TLS libraries in them: from files as linkers write them,
// and as nobody should.
#include "stages/l7-source/elf_functions.h"

#include <elf.h>
#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "stages/l7-source/tls_points.h"

namespace gala::l7_source {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Key;

constexpr std::uint64_t code_offset = 0x1000;
constexpr std::uint64_t code_address = 0x401000;
constexpr std::size_t code_size = 0x1000;

/// A file with one segment of code and one table of symbols.
class Image {
 public:
  Image() : code_(code_size, 0x90) {}

  /// A function with this code, 16 bytes aligned; returns where it begins.
  std::uint64_t add(const std::string& name, const std::vector<std::uint8_t>& code,
                    std::uint64_t size = 0x20) {
    const std::size_t at = next_;
    std::ranges::copy(code, code_.begin() + static_cast<std::ptrdiff_t>(at));
    next_ += 0x80;
    if (!name.empty()) {
      Elf64_Sym symbol{};
      symbol.st_name = static_cast<Elf64_Word>(strings_.size());
      symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
      symbol.st_shndx = 1;
      symbol.st_value = code_address + at;
      symbol.st_size = size;
      symbols_.push_back(symbol);
      strings_ += name + '\0';
    }
    return code_address + at;
  }
  /// Data that no address leads to, in a section of its own.
  void add_data(std::string data) { data_ = std::move(data); }
  void pad_names(std::size_t size) { strings_ += std::string(size, 'x'); }
  std::vector<Elf64_Sym>& symbols() { return symbols_; }

  [[nodiscard]] std::string bytes() const {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
#if defined(__aarch64__)
    header.e_machine = EM_AARCH64;
#else
    header.e_machine = EM_X86_64;
#endif
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_phoff = sizeof(header);
    header.e_phnum = 1;
    header.e_shoff = sizeof(header) + sizeof(Elf64_Phdr);
    header.e_shnum = 5;
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_X;
    segment.p_offset = code_offset;
    segment.p_filesz = code_size;
    segment.p_vaddr = code_address;
    std::array<Elf64_Shdr, 5> sections{};
    sections[1].sh_type = SHT_DYNSYM;
    sections[1].sh_link = 2;
    sections[1].sh_offset = code_offset + code_size;
    sections[1].sh_size = symbols_.size() * sizeof(Elf64_Sym);
    sections[2].sh_type = SHT_STRTAB;
    sections[2].sh_offset = sections[1].sh_offset + sections[1].sh_size;
    sections[2].sh_size = strings_.size();
    sections[3].sh_type = SHT_PROGBITS;
    sections[3].sh_offset = sections[2].sh_offset + sections[2].sh_size;
    sections[3].sh_size = data_.size();
    sections[4].sh_type = SHT_PROGBITS;
    sections[4].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    sections[4].sh_addr = code_address;
    sections[4].sh_size = code_size;
    std::string file;
    const auto append = [&](const void* data, std::size_t size) {
      file.append(static_cast<const char*>(data), size);
    };
    append(&header, sizeof(header));
    append(&segment, sizeof(segment));
    append(sections.data(), sizeof(sections));
    file.resize(code_offset);
    append(code_.data(), code_.size());
    append(symbols_.data(), symbols_.size() * sizeof(Elf64_Sym));
    return file + strings_ + data_;
  }

 private:
  std::vector<std::uint8_t> code_;
  std::size_t next_ = 0;
  std::vector<Elf64_Sym> symbols_;
  std::string strings_{'\0'};
  std::string data_;
};

FileBytes file_of(const std::string& bytes) {
  return {bytes.size(), [&bytes](std::uint64_t offset, std::span<std::uint8_t> into) {
            if (offset > bytes.size() || into.size() > bytes.size() - offset) {
              return false;
            }
            std::memcpy(into.data(), bytes.data() + offset, into.size());
            return true;
          }};
}

constexpr std::array<std::string_view, 2> wanted{"SSL_read", "SSL_write"};

TEST(ElfFunctions, FindsWhatIsAskedFor) {
  Image image;
  const std::uint64_t at = image.add("SSL_read", {0x55});
  image.add("SSL_reader", {0x55});
  const std::string bytes = image.bytes();
  const auto elf = ElfFunctions::open(file_of(bytes));
  ASSERT_TRUE(elf) << elf.error().what;
  const auto found = elf->find(wanted);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->at("SSL_read").address, at);
  EXPECT_EQ(elf->offset_of(at), code_offset);
  EXPECT_EQ(elf->code(at, 2), (std::vector<std::uint8_t>{0x55, 0x90}));
}

/// Linkers let "SSL_read" be the end of "my_SSL_read".
TEST(ElfFunctions, FindsANameThatEndsAnother) {
  Image image;
  image.add("my_SSL_read", {0x55});
  image.symbols().back().st_name += 3;
  const std::string bytes = image.bytes();
  EXPECT_THAT(*ElfFunctions::open(file_of(bytes))->find(wanted), Contains(Key("SSL_read")));
}

/// Names are read in parts: none is missed where two parts meet.
TEST(ElfFunctions, FindsNamesAcrossParts) {
  for (std::size_t before = (256U << 10) - 12; before < (256U << 10) + 2; ++before) {
    Image image;
    image.pad_names(before);
    image.add("SSL_write", {0x55});
    const std::string bytes = image.bytes();
    EXPECT_THAT(*ElfFunctions::open(file_of(bytes))->find(wanted), Contains(Key("SSL_write")))
        << before;
  }
}

TEST(ElfFunctions, LeavesOutWhatIsNoCodeOfTheFile) {
  Image image;
  image.add("SSL_read", {0x55});
  image.symbols().back().st_shndx = SHN_UNDEF;
  image.add("SSL_write", {0x55});
  image.symbols().back().st_value = ~std::uint64_t{0};
  const std::string bytes = image.bytes();
  EXPECT_THAT(*ElfFunctions::open(file_of(bytes))->find(wanted), IsEmpty());
}

TEST(ElfFunctions, RefusesWhatIsNoProgram) {
  EXPECT_FALSE(ElfFunctions::open(file_of("#!/bin/sh")));
  EXPECT_FALSE(ElfFunctions::open(file_of("")));
  Image image;
  std::string other = image.bytes();
  other[EI_CLASS] = ELFCLASS32;
  EXPECT_FALSE(ElfFunctions::open(file_of(other)));
}

/// Every byte of the headers wrong in turn, and the file cut off anywhere: errors, or what is
/// there.
TEST(ElfFunctions, SurvivesAnyHeader) {
  Image image;
  image.add("SSL_read", {0x55});
  image.add("SSL_write", {0x55});
  const std::string whole = image.bytes();
  for (std::size_t at = 0; at < 0x140; ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      if (const auto elf = ElfFunctions::open(file_of(bytes))) {
        static_cast<void>(tls_points(*elf));
      }
    }
  }
  for (std::size_t size = 0; size < whole.size(); size += 61) {
    const std::string bytes = whole.substr(0, size);
    if (const auto elf = ElfFunctions::open(file_of(bytes))) {
      static_cast<void>(tls_points(*elf));
    }
  }
}

using Place = std::tuple<std::string, std::uint64_t, bool, std::uint64_t>;

std::vector<Place> places_in(const Image& image, decltype(&tls_points) find = tls_points) {
  const std::string bytes = image.bytes();
  const auto elf = ElfFunctions::open(file_of(bytes));
  std::vector<Place> places;
  const auto points = find(*elf);
  for (const bpf::FunctionPoint& point : *points) {
    places.emplace_back(point.program, point.offset - code_offset + code_address, point.at_return,
                        point.cookie);
  }
  return places;
}

TEST(TlsPoints, AreThoseOfGnutls) {
  Image image;
  const std::uint64_t receive = image.add("gnutls_record_recv", {0x48});
  const std::uint64_t send = image.add("gnutls_record_send", {0x55});
  const std::uint64_t end = image.add("gnutls_deinit", {0x55});
  EXPECT_THAT(places_in(image),
              ::testing::UnorderedElementsAre(Place{"tls_call_begins", receive, false, 1},
                                              Place{"tls_call_ends", receive, true, 1},
                                              Place{"tls_call_begins", send, false, 2},
                                              Place{"tls_call_ends", send, true, 2},
                                              Place{"tls_session_ends", end, false, 0}));
}

TEST(TlsPoints, AreNoneWithoutBothDirections) {
  Image image;
  image.add("SSL_read", {0x55});
  EXPECT_THAT(places_in(image), IsEmpty());
}

#if defined(__x86_64__)
/// "call" at the fourth byte.
std::vector<std::uint8_t> calling(std::uint64_t from, std::uint64_t to) {
  const auto distance = static_cast<std::int32_t>(to - (from + 9));
  std::vector<std::uint8_t> code{0x48, 0x83, 0xec, 0x08, 0xe8, 0, 0, 0, 0};
  std::memcpy(code.data() + 5, &distance, sizeof(distance));
  return code;
}

/// SSL_read and SSL_read_ex call one internal function, whose first instruction costs little.
TEST(TlsPoints, AreAtTheFunctionThatBothCall) {
  Image image;
  const std::uint64_t reads = image.add("", {0x55, 0x90});
  const std::uint64_t writes = image.add("", {0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x57});
  std::uint64_t next = writes + 0x80;
  for (const auto& [name, internal] : {std::pair{"SSL_read", reads},
                                       {"SSL_read_ex", reads},
                                       {"SSL_write", writes},
                                       {"SSL_write_ex", writes}}) {
    EXPECT_EQ(image.add(name, calling(next, internal)), next);
    next += 0x80;
  }
  EXPECT_THAT(places_in(image),
              ::testing::UnorderedElementsAre(Place{"tls_call_begins", reads, false, 1 + 8},
                                              Place{"tls_call_ends", reads, true, 1 + 8},
                                              Place{"tls_call_begins", writes + 4, false, 2 + 8},
                                              Place{"tls_call_ends", writes + 4, true, 2 + 8}));
}

TEST(TlsPoints, AreWhereHandedBytesAreTaken) {
  Image image;
  const std::uint64_t internal = image.add("", {0x41, 0x54});
  const std::uint64_t read = internal + 0x80;
  image.add("BIO_read", calling(read, internal));
  image.add("BIO_read_ex", calling(read + 0x80, internal));
  EXPECT_THAT(places_in(image, tls_taking_points),
              ::testing::UnorderedElementsAre(Place{"tls_take_begins", internal, false, 8},
                                              Place{"tls_take_ends", internal, true, 8}));
}

/// Where the functions do the work themselves, each has a probe.
TEST(TlsPoints, AreAtThePublicFunctionsOtherwise) {
  Image image;
  const std::uint64_t read = image.add("SSL_read", {0x55});
  const std::uint64_t extended = image.add("SSL_read_ex", {0x55}, 0x70);
  image.add("SSL_write", {0x55});
  const std::vector<Place> places = places_in(image);
  EXPECT_THAT(places, Contains(Place{"tls_call_begins", read, false, 1}));
  EXPECT_THAT(places, Contains(Place{"tls_call_begins", extended, false, 1 + 8}));
}

/// The table of a Go program, of functions whose stack has this depth for so many bytes each.
class GoTable {
 public:
  void add(const std::string& name, std::uint32_t entry,
           const std::vector<std::pair<int, unsigned>>& depths) {
    const auto word = [](auto value) {
      return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
    };
    starts_.push_back(static_cast<std::uint32_t>(functions_.size()));
    functions_ += word(entry) + word(static_cast<std::int32_t>(names_.size())) +
                  word(std::uint64_t{}) + word(static_cast<std::uint32_t>(depths_.size()));
    entries_.push_back(entry);
    names_ += name + '\0';
    int before = -1;
    for (const auto& [depth, length] : depths) {
      const int change = depth - std::exchange(before, depth);
      depths_ += static_cast<char>(change < 0 ? 2 * -change - 1 : 2 * change);
      depths_ += static_cast<char>(length);
    }
    depths_ += '\0';
  }

  [[nodiscard]] std::string bytes() const {
    std::string table("\xf1\xff\xff\xff\0\0\1\x8", 8);
    const auto add = [&table](auto value) {
      table.append(reinterpret_cast<const char*>(&value), sizeof(value));
    };
    constexpr std::uint64_t head = 72;
    const std::uint64_t depths = head + names_.size();
    const std::uint64_t list = depths + depths_.size();
    for (const std::uint64_t value : {std::uint64_t{starts_.size()}, std::uint64_t{},
                                      std::uint64_t{}, head, depths, depths, depths, list}) {
      add(value);
    }
    table += names_ + depths_;
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      add(entries_[i]);
      add(static_cast<std::uint32_t>(starts_[i] + 8 * starts_.size()));
    }
    return table + functions_;
  }

 private:
  std::vector<std::uint32_t> starts_;
  std::vector<std::uint32_t> entries_;
  std::string functions_;
  std::string names_;
  std::string depths_;
};

/// A program of Go without symbols: compare, push, work, pop, return, work, pop, return.
TEST(TlsPoints, AreAtReturnsOfGo) {
  const std::vector<std::uint8_t> code{0x49, 0x3b, 0x66, 0x10, 0x55, 0x90, 0x5d, 0xc3,
                                       0x90, 0x90, 0x5d, 0xc3, 0xe8, 0x90, 0x90, 0x90};
  const std::vector<std::pair<int, unsigned>> depths{{0, 5}, {8, 2}, {0, 1}, {8, 3}, {0, 5}};
  Image image;
  GoTable table;
  table.add("crypto/tls.(*Conn).Reader", 0, depths);
  for (const char* name : {"crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"}) {
    table.add(name, static_cast<std::uint32_t>(image.add("", code) - code_address), depths);
  }
  image.add_data(table.bytes());
  EXPECT_THAT(places_in(image),
              ::testing::ElementsAre(Place{"go_call_ends", code_address + 7, false, 1},
                                     Place{"go_call_ends", code_address + 11, false, 1},
                                     Place{"go_call_begins", code_address + 4, false, 1},
                                     Place{"go_writes", code_address + 0x84, false, 0}));
}

/// What the table calls a return and is none has no probe: it would stop the program.
TEST(TlsPoints, AreNowhereThatTheCodeContradicts) {
  const std::vector<std::pair<int, unsigned>> depths{{0, 5}, {8, 2}, {0, 1}};
  Image image;
  GoTable table;
  for (const char* name : {"crypto/tls.(*Conn).Read", "crypto/tls.(*Conn).Write"}) {
    image.add("", {0x49, 0x3b, 0x66, 0x10, 0x55, 0x90, 0x5d, 0x90});
    table.add(name, 0, depths);
  }
  image.add_data(table.bytes());
  EXPECT_THAT(places_in(image), IsEmpty());
}
#endif

}  // namespace
}  // namespace gala::l7_source
