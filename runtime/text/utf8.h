// The characters of a text that may be no UTF-8 at all.
#pragma once

#include <cstddef>
#include <string_view>

namespace gala {

/// One character: its code point, and the bytes that it takes.
struct Utf8Character {
  char32_t code = 0;
  std::size_t size = 0;
  /// False for a byte that begins no character; it counts as one character of one byte.
  bool valid = false;
};

/// The first character. Overlong forms, surrogates and what is cut off at the end are not valid.
/// Requires: a text that is not empty.
Utf8Character first_character(std::string_view text);

}  // namespace gala
