// Commands and error numbers of MySQL and MariaDB.
#pragma once

#include <cstdint>
#include <string_view>

namespace gala::l7_source {

namespace mysql_command {
inline constexpr std::uint8_t quit = 1;
inline constexpr std::uint8_t query = 3;
inline constexpr std::uint8_t field_list = 4;
inline constexpr std::uint8_t statistics = 9;
inline constexpr std::uint8_t change_user = 17;
inline constexpr std::uint8_t binlog_dump = 18;
inline constexpr std::uint8_t statement_prepare = 22;
inline constexpr std::uint8_t statement_execute = 23;
inline constexpr std::uint8_t statement_long_data = 24;
inline constexpr std::uint8_t statement_close = 25;
inline constexpr std::uint8_t statement_fetch = 28;
inline constexpr std::uint8_t binlog_dump_gtid = 30;
inline constexpr std::uint8_t statement_bulk = 0xfa;
}  // namespace mysql_command

/// "COM_PING"; "" = there is no such command.
std::string_view mysql_command_name(std::uint8_t command);

/// The server, not the statement, is why it failed.
bool is_mysql_server_error(std::uint16_t number);
/// The statement cannot be parsed, or names what does not exist.
bool is_mysql_nonsense(std::uint16_t number);

}  // namespace gala::l7_source
