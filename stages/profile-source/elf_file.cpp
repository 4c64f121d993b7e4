// Reading ELF files with libelf.
#include "stages/profile-source/elf_file.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "runtime/core/handle.h"

namespace gala::profile_source {
namespace {

using ElfHandle = Handle<Elf, elf_end>;

/// An open file and its view by libelf, which borrows the descriptor.
struct OpenElf {
  FileDescriptor file;
  ElfHandle elf;
};

Result<OpenElf> open_elf(const std::string& path) {
  elf_version(EV_CURRENT);
  OpenElf open;
  open.file = FileDescriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!open.file) {
    return fail(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  }
  open.elf.reset(elf_begin(open.file.value(), ELF_C_READ_MMAP, nullptr));
  if (open.elf == nullptr || elf_kind(open.elf.get()) != ELF_K_ELF) {
    return fail(fmt::format("{} is no ELF file", path));
  }
  return open;
}

template <class Use>
void for_each_section(Elf* elf, Use use) {
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
       section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) != nullptr) {
      use(section, header);
    }
  }
}

/// Functions of the symbol table of this type; how many were found.
std::size_t add_functions(Elf* elf, GElf_Word section_type, FunctionTable& functions) {
  std::size_t found = 0;
  for_each_section(elf, [&](Elf_Scn* section, const GElf_Shdr& header) {
    Elf_Data* data = header.sh_type == section_type && header.sh_entsize != 0
                         ? elf_getdata(section, nullptr)
                         : nullptr;
    if (data == nullptr) {
      return;
    }
    const auto count = static_cast<int>(header.sh_size / header.sh_entsize);
    for (int i = 0; i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, i, &symbol) == nullptr || symbol.st_value == 0) {
        continue;
      }
      const auto type = GELF_ST_TYPE(symbol.st_info);
      const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
      if ((type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF &&
          name != nullptr && name[0] != '\0') {
        functions.add(symbol.st_value, symbol.st_size, name);
        ++found;
      }
    }
  });
  return found;
}

std::string read_build_id(Elf* elf) {
  std::string id;
  for_each_section(elf, [&](Elf_Scn* section, const GElf_Shdr& header) {
    Elf_Data* data = header.sh_type == SHT_NOTE ? elf_getdata(section, nullptr) : nullptr;
    if (data == nullptr || !id.empty()) {
      return;
    }
    GElf_Nhdr note;
    std::size_t name = 0;
    std::size_t content = 0;
    for (std::size_t at = 0; (at = gelf_getnote(data, at, &note, &name, &content)) > 0;) {
      const auto* bytes = static_cast<const unsigned char*>(data->d_buf);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
          std::memcmp(bytes + name, "GNU", sizeof("GNU")) == 0) {
        for (std::size_t i = 0; i < note.n_descsz; ++i) {
          id += fmt::format("{:02x}", bytes[content + i]);
        }
      }
    }
  });
  return id;
}

std::string readable(std::string_view name) {
  const std::string mangled(name);
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text{
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free};
  return status == 0 && text != nullptr ? std::string(text.get()) : mangled;
}

}  // namespace

Result<ElfFile> ElfFile::read(const std::string& path, const std::string& debug_directory) {
  const OpenElf open = TRY(open_elf(path));
  ElfFile file;
  std::size_t headers = 0;
  elf_getphdrnum(open.elf.get(), &headers);
  for (std::size_t i = 0; i < headers; ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(open.elf.get(), static_cast<int>(i), &header) != nullptr &&
        header.p_type == PT_LOAD && (header.p_flags & PF_X) != 0) {
      file.segments_.push_back({header.p_offset, header.p_filesz, header.p_vaddr});
    }
  }
  file.build_id_ = read_build_id(open.elf.get());
  std::size_t found = add_functions(open.elf.get(), SHT_SYMTAB, file.functions_);
  if (found == 0 && file.build_id_.size() > 2) {
    const auto debug = open_elf(fmt::format("{}/.build-id/{}/{}.debug", debug_directory,
                                            file.build_id_.substr(0, 2), file.build_id_.substr(2)));
    found = debug ? add_functions(debug->elf.get(), SHT_SYMTAB, file.functions_) : 0;
  }
  if (found == 0) {
    add_functions(open.elf.get(), SHT_DYNSYM, file.functions_);
  }
  file.functions_.finish();
  return file;
}

std::string ElfFile::function_at(std::uint64_t file_offset) const {
  const auto segment = std::ranges::find_if(segments_, [&](const Segment& one) {
    return file_offset >= one.offset && file_offset - one.offset < one.size;
  });
  if (segment == segments_.end()) {
    return {};
  }
  return readable(functions_.find(file_offset - segment->offset + segment->address));
}

}  // namespace gala::profile_source
