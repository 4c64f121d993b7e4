// Names by number, and the numbers that tell of a server in trouble.
#include "stages/l7-source/protocols/mysql/mysql_commands.h"

#include <algorithm>
#include <array>

namespace gala::l7_source {

namespace {

constexpr auto names = std::to_array<std::string_view>({
    "",
    "COM_QUIT",
    "COM_INIT_DB",
    "COM_QUERY",
    "COM_FIELD_LIST",
    "COM_CREATE_DB",
    "COM_DROP_DB",
    "COM_REFRESH",
    "COM_SHUTDOWN",
    "COM_STATISTICS",
    "COM_PROCESS_INFO",
    "",
    "COM_PROCESS_KILL",
    "COM_DEBUG",
    "COM_PING",
    "",
    "",
    "COM_CHANGE_USER",
    "COM_BINLOG_DUMP",
    "COM_TABLE_DUMP",
    "",
    "COM_REGISTER_SLAVE",
    "COM_STMT_PREPARE",
    "COM_STMT_EXECUTE",
    "COM_STMT_SEND_LONG_DATA",
    "COM_STMT_CLOSE",
    "COM_STMT_RESET",
    "COM_SET_OPTION",
    "COM_STMT_FETCH",
    "",
    "COM_BINLOG_DUMP_GTID",
    "COM_RESET_CONNECTION",
});

// Connections, memory, disks, locks, time limits, shutdown, read-only, broken tables.
constexpr auto server_errors = std::to_array<std::uint16_t>({
    1021, 1030, 1034, 1037, 1038, 1040, 1041, 1053, 1114, 1129, 1135, 1152, 1158,
    1159, 1160, 1161, 1180, 1181, 1184, 1194, 1195, 1203, 1205, 1206, 1207, 1213,
    1226, 1290, 1297, 1317, 1613, 1614, 1792, 1836, 1969, 3024, 3032, 3100, 3101,
});
static_assert(std::ranges::is_sorted(server_errors));

}  // namespace

std::string_view mysql_command_name(std::uint8_t command) {
  if (command == mysql_command::statement_bulk) {
    return "COM_STMT_BULK_EXECUTE";
  }
  return command < names.size() ? names[command] : std::string_view();
}

bool is_mysql_nonsense(std::uint16_t number) {
  constexpr auto numbers = std::to_array<std::uint16_t>({1049, 1054, 1064, 1146, 1149, 1305});
  return std::ranges::binary_search(numbers, number);
}

bool is_mysql_server_error(std::uint16_t number) {
  return std::ranges::binary_search(server_errors, number);
}

}  // namespace gala::l7_source
