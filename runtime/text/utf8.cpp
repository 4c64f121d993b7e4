// Decodes UTF-8 as RFC 3629 defines it.
#include "runtime/text/utf8.h"

namespace gala {
namespace {

constexpr Utf8Character broken{0xfffd, 1, false};

/// How long a character is that begins with `lead`, and the least code that needs that length.
struct Form {
  std::size_t size = 0;
  char32_t least = 0;
  char32_t bits = 0;
};

Form form_of(unsigned char lead) {
  if (lead < 0x80) {
    return {1, 0, lead};
  }
  if (lead >= 0xc0 && lead < 0xe0) {
    return {2, 0x80, lead & 0x1fU};
  }
  if (lead >= 0xe0 && lead < 0xf0) {
    return {3, 0x800, lead & 0x0fU};
  }
  if (lead >= 0xf0 && lead < 0xf8) {
    return {4, 0x10000, lead & 0x07U};
  }
  return {};
}

}  // namespace

Utf8Character first_character(std::string_view text) {
  const Form form = form_of(static_cast<unsigned char>(text.front()));
  if (form.size == 0 || form.size > text.size()) {
    return broken;
  }
  char32_t code = form.bits;
  for (std::size_t i = 1; i < form.size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0U) != 0x80) {
      return broken;
    }
    code = code << 6U | (byte & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < form.least || code > 0x10ffff || surrogate) {
    return broken;
  }
  return {code, form.size, true};
}

}  // namespace gala
