// Which characters a terminal obeys, and how many columns the others take.
#include "runtime/text/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "runtime/text/utf8.h"

namespace gala {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

bool is_in(char32_t code, std::span<const Range> ranges) {
  return std::ranges::any_of(
      ranges, [code](const Range& range) { return range.first <= code && code <= range.last; });
}

/// Two columns each: the list of std::format (C++20, [format.string.std]) and transport symbols.
constexpr std::array<Range, 14> wide{{{0x1100, 0x115f},
                                      {0x2329, 0x232a},
                                      {0x2e80, 0x303e},
                                      {0x3040, 0xa4cf},
                                      {0xac00, 0xd7a3},
                                      {0xf900, 0xfaff},
                                      {0xfe10, 0xfe19},
                                      {0xfe30, 0xfe6f},
                                      {0xff00, 0xff60},
                                      {0xffe0, 0xffe6},
                                      {0x1f300, 0x1f64f},
                                      {0x1f680, 0x1f6ff},
                                      {0x1f900, 0x1f9ff},
                                      {0x20000, 0x3fffd}}};

/// No column of their own: what combines with the character before, joins two, or selects a form.
constexpr std::array<Range, 9> combining{{{0x300, 0x36f},
                                          {0x483, 0x489},
                                          {0x591, 0x5bd},
                                          {0x64b, 0x65f},
                                          {0x200b, 0x200d},
                                          {0x20d0, 0x20f0},
                                          {0xfe00, 0xfe0f},
                                          {0xfe20, 0xfe2f},
                                          {0xe0000, 0xe01ef}}};

/// Controls above ASCII (a terminal may read U+009B as ESC [), line separators, what turns the
/// writing direction, so that a name reads as another one, and codes that are no characters.
constexpr std::array<Range, 7> steering{{{0x7f, 0x9f},
                                         {0x61c, 0x61c},
                                         {0x200e, 0x200f},
                                         {0x2028, 0x202e},
                                         {0x2066, 0x2069},
                                         {0xfeff, 0xfeff},
                                         {0xfffe, 0xffff}}};

constexpr std::string_view replacement = "\uFFFD";
constexpr std::string_view ellipsis = "…";

/// U+2400 to U+241F picture the controls of ASCII.
std::string picture_of(char32_t control) {
  std::string picture = "\u2400";
  picture.back() = static_cast<char>(picture.back() + static_cast<char>(control));
  return picture;
}

std::size_t columns_of(const Utf8Character& character) {
  if (character.code < combining.front().first) {
    return 1;
  }
  if (is_in(character.code, combining)) {
    return 0;
  }
  return is_in(character.code, wide) ? 2 : 1;
}

/// The bytes of `text` that take at most `columns`, with the marks that combine with the last.
std::size_t bytes_within(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  for (std::size_t used = 0; bytes < text.size();) {
    const Utf8Character character = first_character(text.substr(bytes));
    used += columns_of(character);
    if (used > columns) {
      break;
    }
    bytes += character.size;
  }
  return bytes;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    if (character.valid && character.code < 0x20) {
      out += picture_of(character.code);
    } else if (!character.valid || is_in(character.code, steering)) {
      out += replacement;
    } else {
      out += text.substr(0, character.size);
    }
    text.remove_prefix(character.size);
  }
  return out;
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const Utf8Character character = first_character(json);
    if (!character.valid) {
      out += replacement;
    } else if (is_in(character.code, steering)) {
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(character.code));
    } else {
      out += json.substr(0, character.size);
    }
    json.remove_prefix(character.size);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    columns += columns_of(character);
    text.remove_prefix(character.size);
  }
  return columns;
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) {
    return std::string(text);
  }
  if (columns == 0) {
    return {};
  }
  return std::string(text.substr(0, bytes_within(text, columns - 1))).append(ellipsis);
}

std::string fit_to_width(std::string_view text, std::size_t columns) {
  std::string out = cut_to_width(text, columns);
  const std::size_t used = display_width(out);
  return out.append(columns - used, ' ');
}

}  // namespace gala
