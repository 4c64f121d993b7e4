// Which lengths fit which message, and whose fault an SQLSTATE is.
#include "stages/l7-source/protocols/postgresql/postgresql_messages.h"

#include <algorithm>

#include "stages/l7-source/protocols/framing/fields.h"

namespace gala::l7_source {

namespace {

constexpr std::uint32_t longest_message = 1U << 30U;
constexpr std::uint32_t longest_short = 1024;

}  // namespace

bool is_postgresql_request(char type, std::uint32_t length) {
  if (is_type_of(type, "SHXc")) {
    return length == 4;
  }
  if (is_type_of(type, "EDC")) {
    return length >= 5 && length <= longest_short;
  }
  return is_type_of(type, "QPBFpdf") && length >= 4 && length <= longest_message;
}

bool is_postgresql_reply(char type, std::uint32_t length) {
  if (is_type_of(type, "123nIsc")) {
    return length == 4;
  }
  if (type == 'Z') {
    return length == 5;
  }
  if (is_type_of(type, "CKR")) {
    return length > 5 && length <= longest_short * 8;
  }
  return is_type_of(type, "TDESNAGHWdtVv") && length >= 4 && length <= longest_message;
}

ErrorClass postgresql_error_class(std::string_view sqlstate) {
  // Serialization failures are tried again, NOWAIT asks for its refusal: so
  // applications work, those of CockroachDB most of all.
  if (sqlstate == "40001" || sqlstate == "55P03") {
    return ErrorClass::client;
  }
  constexpr std::string_view server_classes = "08 40 53 54 55 57 58 F0 XX";
  return server_classes.find(sqlstate.substr(0, 2)) == std::string_view::npos ? ErrorClass::client
                                                                              : ErrorClass::server;
}

std::string postgresql_sqlstate(Bytes fields) {
  Fields in(fields);
  while (in.ok() && !in.rest().empty()) {
    const char field = static_cast<char>(in.u8());
    if (field == '\0') {
      break;
    }
    const std::string_view value = in.zero_ended();
    const bool valid = value.size() == 5 && std::ranges::all_of(value, [](char c) {
                         return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
                       });
    if (field == 'C' && valid) {
      return std::string(value);
    }
  }
  return "~other";
}

}  // namespace gala::l7_source
