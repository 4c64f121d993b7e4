// What tells MySQL from other protocols: its greeting, or a statement with a numbered answer.
#include <algorithm>
#include <cctype>
#include <string_view>

#include "stages/l7-source/protocols/mysql/mysql_commands.h"
#include "stages/l7-source/protocols/mysql/mysql_packet.h"

namespace gala::l7_source {

namespace {

/// Whether the bytes begin with a whole statement of a client.
bool is_statement(const MysqlPacket& packet) {
  if (packet.number != 0 || packet.body.size() < 5 ||
      (packet.body.front() != mysql_command::query &&
       packet.body.front() != mysql_command::statement_prepare)) {
    return false;
  }
  std::string_view text = text_of(packet.body.subspan(1));
  if (text.starts_with(std::string_view("\0\x01", 2))) {
    text.remove_prefix(2);
  }
  return std::isalpha(static_cast<unsigned char>(text.front())) != 0 &&
         std::ranges::all_of(text.substr(0, 16), [](char c) {
           return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t' || c == '\r';
         });
}

/// A connection that is older than we are: a statement, and an answer whose packets are numbered.
Recognised recognise_within(const Opening& opening) {
  if (opening.request.size() < 16 || opening.reply.size() < 2 * mysql_header_size) {
    return Recognised::more;
  }
  const MysqlPacket asked = mysql_packet(opening.request);
  if (!is_statement(asked) || (asked.body.size() < asked.length && opening.request.size() < 64)) {
    return Recognised::no;
  }
  const MysqlPacket first = mysql_packet(opening.reply);
  const Bytes behind = opening.reply.subspan(
      std::min<std::size_t>(opening.reply.size(), mysql_header_size + first.length));
  if (first.number != 1 || first.body.empty()) {
    return Recognised::no;
  }
  const std::uint8_t mark = first.body.front();
  constexpr std::uint32_t short_answer = 512;
  if (first.body.size() < first.length && first.length < short_answer) {
    return Recognised::more;
  }
  if (behind.empty()) {
    const bool error = mark == mysql_error_mark && first.length >= 9 && first.body.size() >= 9 &&
                       first.body[3] == '#';
    const bool done =
        mark == mysql_ok_mark && first.length >= 7 && first.body.size() == first.length;
    return error || done ? Recognised::yes : Recognised::no;
  }
  if (behind.size() < mysql_header_size) {
    return Recognised::more;
  }
  const bool columns = first.length == 1 && mark > 0 && mark < 0xfb;
  return columns && mysql_packet(behind).number == 2 ? Recognised::yes : Recognised::no;
}

}  // namespace

Recognised recognise_mysql(const Opening& opening) {
  constexpr std::size_t least_statement = mysql_header_size + 5;
  if (!opening.from_start && opening.request.size() >= least_statement &&
      !is_statement(mysql_packet(opening.request))) {
    return Recognised::no;
  }
  if (!opening.from_start && !opening.request.empty() && !opening.reply.empty() &&
      (opening.reply.size() < mysql_header_size || mysql_packet(opening.reply).number != 0)) {
    return recognise_within(opening);
  }
  if (opening.reply.size() < mysql_header_size + 1) {
    // The server greets first.
    return opening.from_start && !opening.request.empty() && opening.reply.empty()
               ? Recognised::no
               : Recognised::more;
  }
  const MysqlPacket packet = mysql_packet(opening.reply);
  if (packet.body.empty()) {
    return Recognised::no;
  }
  const bool refusal = packet.number == 0 && packet.body.front() == mysql_error_mark &&
                       packet.length >= 9 && packet.length < 512;
  if (refusal) {
    return packet.body.size() == packet.length ? Recognised::yes : Recognised::more;
  }
  if (packet.body.front() == 10 && packet.number == 0 && packet.length <= 1024 &&
      packet.body.size() < std::min<std::size_t>(packet.length, 80)) {
    return Recognised::more;
  }
  return is_mysql_greeting(packet) ? Recognised::yes : Recognised::no;
}

}  // namespace gala::l7_source
