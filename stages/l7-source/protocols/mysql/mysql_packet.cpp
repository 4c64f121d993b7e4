// Packets, their integers, and the one that begins a connection.
#include "stages/l7-source/protocols/mysql/mysql_packet.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace gala::l7_source {

MysqlPacket mysql_packet(Bytes bytes) {
  Fields in(bytes);
  MysqlPacket packet;
  packet.length = in.le24();
  packet.number = in.u8();
  packet.body = in.take_up_to(packet.length);
  return packet;
}

std::uint64_t mysql_integer(Fields& in) {
  const std::uint8_t first = in.u8();
  switch (first) {
    case 0xfc:
      return in.le16();
    case 0xfd:
      return in.le24();
    case 0xfe:
      return in.le64();
    default:
      return first;
  }
}

bool is_mysql_greeting(const MysqlPacket& packet) {
  if (packet.number != 0 || packet.length < 32 || packet.length > 1024 || packet.body.empty()) {
    return false;
  }
  if (packet.body.front() != 10) {
    return false;
  }
  Fields in(packet.body);
  in.skip(1);
  const std::string_view version = in.zero_ended();
  // "8.0.36", "5.5.5-10.11.6-MariaDB-1".
  return in.ok() && version.size() >= 3 && version.size() < 80 &&
         std::isdigit(static_cast<unsigned char>(version.front())) != 0 &&
         version.find('.') != std::string_view::npos &&
         std::ranges::all_of(version, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace gala::l7_source
