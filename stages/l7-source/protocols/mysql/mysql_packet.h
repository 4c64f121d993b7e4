// What MySQL's messages are made of.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stages/l7-source/protocols/framing/fields.h"

namespace gala::l7_source {

inline constexpr std::size_t mysql_header_size = 4;

// The first byte of an answer.
inline constexpr std::uint8_t mysql_ok_mark = 0x00;
inline constexpr std::uint8_t mysql_local_file_mark = 0xfb;
inline constexpr std::uint8_t mysql_end_mark = 0xfe;
inline constexpr std::uint8_t mysql_error_mark = 0xff;

struct MysqlPacket {
  std::uint32_t length = 0;
  std::uint8_t number = 0;
  /// As far as it is here.
  Bytes body;

  [[nodiscard]] std::uint64_t size() const { return mysql_header_size + std::uint64_t{length}; }
};

/// Requires: `bytes` holds a header.
MysqlPacket mysql_packet(Bytes bytes);

/// A length-encoded integer; makes `in` not ok where none stands.
std::uint64_t mysql_integer(Fields& in);

/// The server's first packet.
bool is_mysql_greeting(const MysqlPacket& packet);

Recognised recognise_mysql(const Opening& opening);

}  // namespace gala::l7_source
