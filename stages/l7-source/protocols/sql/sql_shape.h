// An SQL text without its values: what makes two executions the same statement.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gala::l7_source {

enum class SqlDialect : std::uint8_t { postgresql, mysql };

/// Literals and placeholders become `?`, lists of them one `?`, white space and comments one blank;
/// bytes beyond ASCII become `_`. At most `longest_api` characters. Where the text was cut
/// (`complete` false), the word that the cut may have shortened is left out.
///
/// A backslash before a quote ends a literal or not, as the server is set; so the shape ends there
/// rather than tell what may be a value.
std::string sql_shape(std::string_view text, SqlDialect dialect, bool complete);

}  // namespace gala::l7_source
