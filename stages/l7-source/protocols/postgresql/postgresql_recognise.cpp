// What tells PostgreSQL from other protocols: its startup, or messages whose lengths chain.
#include <algorithm>
#include <string_view>

#include "stages/l7-source/protocols/framing/fields.h"
#include "stages/l7-source/protocols/postgresql/postgresql_messages.h"

namespace gala::l7_source {

namespace {

/// Headers that follow one another up to the end of what is here; -1 = one is wrong.
int chained(Bytes bytes, bool (*is_header)(char, std::uint32_t)) {
  int count = 0;
  Fields in(bytes);
  while (in.rest().size() >= postgresql_header_size) {
    const char type = static_cast<char>(in.u8());
    const std::uint32_t length = in.be32();
    if (!is_header(type, length)) {
      return -1;
    }
    ++count;
    in.take_up_to(length - 4);
  }
  return count;
}

bool is_statement(Bytes bytes) {
  Fields in(bytes);
  in.skip(postgresql_header_size);
  const std::string_view text =
      text_of(in.rest().first(std::min<std::size_t>(in.rest().size(), 8)));
  return text.size() >= 4 && std::ranges::all_of(text, [](char c) {
           return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t' || c == '\0' || c == '\r';
         });
}

Recognised recognise_within(const Opening& opening) {
  const int requests = chained(opening.request, is_postgresql_request);
  const int replies = chained(opening.reply, is_postgresql_reply);
  if (requests < 0 || replies < 0) {
    return Recognised::no;
  }
  if (requests == 0 || replies == 0) {
    return Recognised::more;
  }
  const char first = static_cast<char>(opening.request.front());
  const bool sure_request = (first == 'Q' && is_statement(opening.request)) ||
                            (is_type_of(first, "PBEDC") && requests >= 2);
  if (!sure_request) {
    return Recognised::no;
  }
  return replies >= 2 ? Recognised::yes : Recognised::more;
}

Recognised recognise_startup(Bytes bytes, std::uint32_t length) {
  const std::string_view text = text_of(bytes).substr(postgresql_startup_header_size);
  const bool plain = std::ranges::all_of(
      text, [](char c) { return c == '\0' || static_cast<unsigned char>(c) >= ' '; });
  if (!plain) {
    return Recognised::no;
  }
  // Longer ones are cut where they are copied: what is here must do.
  if (bytes.size() < std::min<std::size_t>(length, 32)) {
    return Recognised::more;
  }
  const bool whole = bytes.size() >= length;
  const std::string_view parameters = text.substr(0, length - postgresql_startup_header_size);
  constexpr std::string_view user("user\0", 5);
  const bool names_user = parameters.find(user) != std::string_view::npos;
  const bool ends = !whole || parameters.ends_with(std::string_view("\0\0", 2));
  return ends && (names_user || !whole) ? Recognised::yes : Recognised::no;
}

}  // namespace

Recognised recognise_postgresql(const Opening& opening) {
  if (opening.request.empty()) {
    return opening.from_start && !opening.reply.empty() ? Recognised::no : Recognised::more;
  }
  if (opening.request.front() != 0) {
    return opening.from_start ? Recognised::no : recognise_within(opening);
  }
  if (opening.request.size() < postgresql_startup_header_size) {
    return Recognised::more;
  }
  Fields in(opening.request);
  const std::uint32_t length = in.be32();
  const std::uint32_t code = in.be32();
  if (!opening.reply.empty() && !is_type_of(static_cast<char>(opening.reply.front()), "SNGERv")) {
    return Recognised::no;
  }
  if (code == postgresql_ssl_request || code == postgresql_gss_request) {
    return length == postgresql_startup_header_size ? Recognised::yes : Recognised::no;
  }
  if (code == postgresql_cancel_request) {
    return length >= 16 && length <= 268 ? Recognised::yes : Recognised::no;
  }
  const bool version_3 = code >> 16U == 3 && (code & 0xffffU) <= 99;
  if (!version_3 || length < 16 || length > postgresql_longest_startup) {
    return Recognised::no;
  }
  return recognise_startup(opening.request, length);
}

}  // namespace gala::l7_source
