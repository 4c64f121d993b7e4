// Functions by address.
#include "stages/profile-source/function_table.h"

#include <algorithm>
#include <charconv>

namespace gala::profile_source {
namespace {

std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const auto end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

/// 0 when it is none, which is no address of a function either.
std::uint64_t parse_hexadecimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

template <class Use>
void for_each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

void FunctionTable::add(std::uint64_t address, std::uint64_t size, std::string_view name) {
  functions_.push_back({address, size, static_cast<std::uint32_t>(names_.size()),
                        static_cast<std::uint32_t>(name.size())});
  names_.append(name);
}

void FunctionTable::finish() {
  std::ranges::stable_sort(functions_, {}, &Function::address);
  const auto doubles = std::ranges::unique(functions_, {}, &Function::address);
  functions_.erase(doubles.begin(), doubles.end());
  functions_.shrink_to_fit();
}

std::string_view FunctionTable::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(functions_, address, {}, &Function::address);
  if (after == functions_.begin()) {
    return {};
  }
  const Function& function = *std::prev(after);
  if (function.size != 0 && address >= function.address + function.size) {
    return {};
  }
  return std::string_view(names_).substr(function.name_begin, function.name_size);
}

FunctionTable parse_kernel_symbols(std::string_view text) {
  FunctionTable table;
  for_each_line(text, [&](std::string_view line) {
    const std::uint64_t address = parse_hexadecimal(take_word(line));
    const std::string_view type = take_word(line);
    const std::string_view name = take_word(line);
    if (address != 0 && (type == "t" || type == "T" || type == "w" || type == "W")) {
      table.add(address, 0, name);
    }
  });
  table.finish();
  return table;
}

FunctionTable parse_perf_map(std::string_view text) {
  FunctionTable table;
  for_each_line(text, [&](std::string_view line) {
    const std::uint64_t address = parse_hexadecimal(take_word(line));
    const std::uint64_t size = parse_hexadecimal(take_word(line));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (address != 0 && size != 0 && !line.empty()) {
      table.add(address, size, line);
    }
  });
  table.finish();
  return table;
}

}  // namespace gala::profile_source
