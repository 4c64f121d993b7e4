// Functions of a Go program.
#include "stages/l7-source/go_functions.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace gala::l7_source {
namespace {

#if defined(__x86_64__)

/// The last byte of the first word of the table: which version it is; then two bytes 0, the unit of
/// instruction lengths, the size of an address.
constexpr std::array<std::uint8_t, 8> since_1_18{0xf0, 0xff, 0xff, 0xff, 0, 0, 1, 8};
constexpr std::array<std::uint8_t, 8> since_1_20{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8};
constexpr std::uint64_t most_functions = 2'000'000;
constexpr std::uint64_t most_name_bytes = 128 << 20;
constexpr std::size_t part_bytes = 256 << 10;
/// Of the table that tells the depth of one function's stack.
constexpr std::size_t most_depth_bytes = 8192;
constexpr std::size_t most_returns = 64;
constexpr std::uint8_t push_instruction = 0x55;
constexpr std::uint8_t return_instruction = 0xc3;

/// The file's bytes, read in parts that are kept while the next reads are close by.
class Window {
 public:
  explicit Window(const ElfFunctions& file) : file_(file) {}

  template <class Value>
  std::optional<Value> value(std::uint64_t offset) {
    Value value;
    if (offset < begin_ || offset + sizeof(value) > begin_ + part_.size()) {
      begin_ = offset;
      part_ = file_.read_at_most(offset, part_bytes);
      if (part_.size() < sizeof(value)) {
        return std::nullopt;
      }
    }
    std::memcpy(&value, part_.data() + (offset - begin_), sizeof(value));
    return value;
  }

 private:
  const ElfFunctions& file_;
  std::uint64_t begin_ = 0;
  std::vector<std::uint8_t> part_;
};

/// The head of the table, with offsets in the file.
struct Table {
  std::uint64_t functions = 0;
  std::uint64_t text = 0;
  std::uint64_t names = 0;
  std::uint64_t names_end = 0;
  std::uint64_t depths = 0;
  std::uint64_t list = 0;
};

std::optional<Table> read_table(const ElfFunctions& file) {
  auto begin = file.section_beginning_with(since_1_20);
  if (!begin) {
    begin = file.section_beginning_with(since_1_18);
  }
  if (!begin) {
    return std::nullopt;
  }
  // After the first word: functions, files, text, and offsets of names, units, files, depths, list.
  std::array<std::uint64_t, 8> words{};
  Window window(file);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto word = window.value<std::uint64_t>(*begin + 8 * (i + 1));
    if (!word) {
      return std::nullopt;
    }
    words[i] = *word;
  }
  if (words[0] > most_functions ||
      std::ranges::any_of(words.begin() + 3, words.end(),
                          [&](std::uint64_t offset) { return offset > file.size(); })) {
    return std::nullopt;
  }
  return Table{words[0],          words[2],          *begin + words[3],
               *begin + words[4], *begin + words[6], *begin + words[7]};
}

/// Offsets of names, in the table of names.
std::map<std::int32_t, std::string_view> find_names(const ElfFunctions& file, const Table& table,
                                                    std::span<const std::string_view> names) {
  std::map<std::int32_t, std::string_view> found;
  const std::uint64_t size =
      std::min(table.names_end - std::min(table.names, table.names_end), most_name_bytes);
  constexpr std::size_t overlap = 128;
  for (std::uint64_t begin = 0; begin < size; begin += part_bytes) {
    const auto part = file.read_at_most(
        table.names + begin, std::min<std::uint64_t>(part_bytes + overlap, size - begin));
    const std::string_view text(reinterpret_cast<const char*>(part.data()), part.size());
    for (const std::string_view name : names) {
      for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        if (at + name.size() < text.size() && text[at + name.size()] == '\0') {
          found[static_cast<std::int32_t>(begin + at)] = name;
        }
      }
    }
  }
  return found;
}

/// Reads numbers of variable length.
class Numbers {
 public:
  explicit Numbers(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::optional<std::uint32_t> next() {
    std::uint32_t number = 0;
    for (unsigned shift = 0; shift < 32 && at_ < bytes_.size(); shift += 7) {
      const std::uint8_t byte = bytes_[at_++];
      number |= std::uint32_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) == 0) {
        return number;
      }
    }
    return std::nullopt;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

bool is_at(const ElfFunctions& file, std::uint64_t address, std::uint8_t instruction) {
  const auto code = file.code(address, 1);
  return code.size() == 1 && code[0] == instruction;
}

/// The stack has no depth before the function's first push, and from each return to the next
/// instruction; at the end also where the stack is made larger.
std::optional<GoFunction> read_function(const ElfFunctions& file, std::uint64_t depths,
                                        std::uint64_t entry) {
  const auto bytes = file.read_at_most(depths, most_depth_bytes);
  Numbers numbers(bytes);
  GoFunction function;
  std::int32_t depth = -1;
  std::uint64_t address = entry;
  while (function.returns.size() < most_returns) {
    const auto change = numbers.next();
    if (!change || (*change == 0 && address != entry)) {
      break;
    }
    const auto length = numbers.next();
    if (!length) {
      break;
    }
    depth += static_cast<std::int32_t>((*change & 1) != 0 ? ~(*change >> 1) : *change >> 1);
    const std::uint64_t begin = address;
    address += *length;
    if (depth == 0 && begin == entry && is_at(file, address - 1, push_instruction)) {
      function.push = address - 1;
    } else if (depth == 0 && begin != entry && is_at(file, begin, return_instruction)) {
      function.returns.push_back(begin);
    }
  }
  const bool whole = function.push != 0 && !function.returns.empty();
  return whole ? std::optional(std::move(function)) : std::nullopt;
}

/// Where the code begins that the table counts from: as it says itself, or where the file's does.
std::optional<GoFunction> find_function(const ElfFunctions& file, const Table& table,
                                        std::uint32_t entry, std::uint32_t depths) {
  for (const std::uint64_t text : {table.text, file.text_address()}) {
    if (text == 0) {
      continue;
    }
    if (auto function = read_function(file, table.depths + depths, text + entry)) {
      return function;
    }
  }
  return std::nullopt;
}

#endif

}  // namespace

#if defined(__x86_64__)
std::map<std::string_view, GoFunction> go_functions(const ElfFunctions& file,
                                                    std::span<const std::string_view> names) {
  std::map<std::string_view, GoFunction> found;
  const auto table = read_table(file);
  const auto wanted =
      table ? find_names(file, *table, names) : std::map<std::int32_t, std::string_view>{};
  if (wanted.empty()) {
    return found;
  }
  // The list has two words for each function, the second of which says where the rest is.
  Window list(file);
  Window rest(file);
  for (std::uint64_t i = 0; i < table->functions; ++i) {
    const auto at = list.value<std::uint32_t>(table->list + 8 * i + 4);
    const auto name = at ? rest.value<std::int32_t>(table->list + *at + 4) : std::nullopt;
    if (!name) {
      break;
    }
    const auto place = wanted.find(*name);
    if (place == wanted.end()) {
      continue;
    }
    const auto entry = rest.value<std::uint32_t>(table->list + *at);
    const auto depths = rest.value<std::uint32_t>(table->list + *at + 16);
    if (entry && depths) {
      if (auto function = find_function(file, *table, *entry, *depths)) {
        found.try_emplace(place->second, std::move(*function));
      }
    }
  }
  return found;
}
#else
std::map<std::string_view, GoFunction> go_functions(const ElfFunctions& /*file*/,
                                                    std::span<const std::string_view> /*names*/) {
  return {};
}
#endif

}  // namespace gala::l7_source
