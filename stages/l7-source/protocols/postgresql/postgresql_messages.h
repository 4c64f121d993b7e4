// Headers and errors of PostgreSQL's messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

inline constexpr std::size_t postgresql_header_size = 5;
inline constexpr std::size_t postgresql_startup_header_size = 8;
inline constexpr std::uint32_t postgresql_longest_startup = 10'000;
inline constexpr std::uint32_t postgresql_cancel_request = 80'877'102;
inline constexpr std::uint32_t postgresql_ssl_request = 80'877'103;
inline constexpr std::uint32_t postgresql_gss_request = 80'877'104;

inline bool is_type_of(char type, std::string_view types) {
  return types.find(type) != std::string_view::npos;
}

/// Whether a message of this type can have this length (which counts itself, but not the type).
bool is_postgresql_request(char type, std::uint32_t length);
bool is_postgresql_reply(char type, std::uint32_t length);

/// 28P01 is the client's fault, 53300 the server's.
ErrorClass postgresql_error_class(std::string_view sqlstate);

/// The SQLSTATE of an ErrorResponse; "~other" = it cannot be read.
std::string postgresql_sqlstate(Bytes fields);

Recognised recognise_postgresql(const Opening& opening);

}  // namespace gala::l7_source
