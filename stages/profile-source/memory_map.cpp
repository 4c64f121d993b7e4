// What is mapped where in a process.
#include "stages/profile-source/memory_map.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace gala::profile_source {
namespace {

/// The text up to `separator`, which is removed together with it.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

std::optional<std::uint64_t> parse_hexadecimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty()
             ? std::optional{value}
             : std::nullopt;
}

/// "begin-end permissions offset device inode   path"
std::optional<Mapping> parse_line(std::string_view line) {
  const auto begin = parse_hexadecimal(take_until(line, '-'));
  const auto end = parse_hexadecimal(take_until(line, ' '));
  const std::string_view permissions = take_until(line, ' ');
  const auto offset = parse_hexadecimal(take_until(line, ' '));
  const std::string_view device = take_until(line, ' ');
  const std::string_view inode = take_until(line, ' ');
  if (!begin || !end || !offset || permissions.size() < 3 || permissions[2] != 'x') {
    return std::nullopt;
  }
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  Mapping mapping{*begin, *end, *offset, {}, std::string(line)};
  if (inode != "0" && !inode.empty()) {
    mapping.file_id = std::string(device) + "/" + std::string(inode);
  }
  return mapping;
}

}  // namespace

std::vector<Mapping> parse_memory_map(std::string_view text) {
  std::vector<Mapping> mappings;
  while (!text.empty()) {
    if (auto mapping = parse_line(take_until(text, '\n'))) {
      mappings.push_back(std::move(*mapping));
    }
  }
  std::ranges::sort(mappings, {}, &Mapping::begin);
  return mappings;
}

const Mapping* find_mapping(const std::vector<Mapping>& mappings, std::uint64_t address) {
  const auto after = std::ranges::upper_bound(mappings, address, {}, &Mapping::begin);
  if (after == mappings.begin() || address >= std::prev(after)->end) {
    return nullptr;
  }
  return &*std::prev(after);
}

}  // namespace gala::profile_source
