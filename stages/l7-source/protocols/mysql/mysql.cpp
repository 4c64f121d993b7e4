// MySQL: packets of a length and a number; number 0 begins a command, number 1 its answer.
#include "stages/l7-source/protocols/mysql/mysql.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>

#include "stages/l7-source/protocols/framing/fields.h"
#include "stages/l7-source/protocols/framing/framed.h"
#include "stages/l7-source/protocols/mysql/mysql_commands.h"
#include "stages/l7-source/protocols/mysql/mysql_packet.h"
#include "stages/l7-source/protocols/sql/sql_shape.h"
#include "stages/l7-source/protocols/sql/statement_names.h"

namespace gala::l7_source {

namespace {

constexpr std::uint32_t longest_packet = 0xffffff;
constexpr std::uint64_t text_wanted = 1024;
/// Of an answer's packet: enough for its kind, its error number, its status.
constexpr std::uint64_t answer_wanted = 32;
constexpr std::uint64_t greeting_wanted = 128;

constexpr std::uint32_t capability_compress = 1U << 5U;
constexpr std::uint32_t capability_tls = 1U << 11U;
constexpr std::uint32_t capability_zstd = 1U << 26U;
constexpr std::uint16_t status_more_results = 0x0008;
constexpr std::uint32_t tls_request_length = 32;

class MysqlConversation final : public FramedConversation {
 public:
  MysqlConversation() : FramedConversation(Matching::by_order) {}

 protected:
  Step read(const Frame& frame, std::vector<Exchange>& out) override {
    if (frame.bytes.size() < mysql_header_size) {
      return Step::more();
    }
    const MysqlPacket packet = mysql_packet(frame.bytes);
    const std::uint64_t size = packet.size();
    if (!is_possible(frame, packet)) {
      return Step::violation();
    }
    const std::uint64_t wanted = std::min<std::uint64_t>(packet.length, wanted_of(frame, packet));
    if (packet.body.size() < wanted && !frame.last) {
      return Step::more();
    }
    const bool right = frame.direction == Direction::request ? read_request(frame, packet, out)
                                                             : read_reply(frame, packet, out);
    return right ? Step::frame(size) : Step::violation();
  }

  void forget(Direction direction, std::uint64_t /*missing*/) override {
    if (direction == Direction::reply) {
      place_ = Place::first;
    }
  }

 private:
  /// Where an answer stands.
  enum class Place : std::uint8_t { first, columns, rows };

  /// What a header alone can tell, before its body is waited for.
  bool is_possible(const Frame& frame, const MysqlPacket& packet) {
    constexpr std::uint32_t longest_greeting = 2048;
    if (frame.direction == Direction::reply) {
      return packet.number != 0 || packet.length < longest_greeting || oldest() != nullptr;
    }
    return packet.number == 0 || handshake_ || newest() != nullptr;
  }

  static std::uint64_t wanted_of(const Frame& frame, const MysqlPacket& packet) {
    if (frame.direction == Direction::request) {
      return text_wanted;
    }
    return packet.number == 0 ? greeting_wanted : answer_wanted;
  }

  bool read_request(const Frame& frame, const MysqlPacket& packet, std::vector<Exchange>& out) {
    const std::uint64_t size = packet.size();
    if (handshake_) {
      return read_login(frame, packet);
    }
    if (packet.number != 0) {
      // The rest of a long statement, a local file, an answer to a question of the login.
      Waiting* const waits = newest();
      if (waits != nullptr) {
        waits->exchange.request_bytes += packet.size();
      }
      return waits != nullptr;
    }
    if (packet.body.empty() || mysql_command_name(packet.body.front()).empty()) {
      return false;
    }
    // The client speaks again: what it waited for has come.
    if (Waiting* const waits = oldest(); waits != nullptr && waits->answered) {
      end_answer(*waits, out);
    }
    start_command(frame, packet, size, out);
    return true;
  }

  bool read_login(const Frame& frame, const MysqlPacket& packet) {
    Fields in(packet.body);
    const std::uint32_t capabilities = in.le32();
    if (packet.number != 1 || !in.ok()) {
      return false;
    }
    if (packet.length == tls_request_length && (capabilities & capability_tls) != 0) {
      end();
      return true;
    }
    handshake_ = false;
    compresses_ = (capabilities & (capability_compress | capability_zstd)) != 0;
    wait("CONNECT", frame.begun, packet.size(), mysql_command::change_user);
    return true;
  }

  void start_command(const Frame& frame, const MysqlPacket& packet, std::uint64_t size,
                     std::vector<Exchange>& out) {
    const std::uint8_t command = packet.body.front();
    std::string api = api_of(command, packet);
    if (command == mysql_command::statement_close ||
        command == mysql_command::statement_long_data || command == mysql_command::quit) {
      out.push_back(one_way(api, frame, size));
      return;
    }
    if (command == mysql_command::binlog_dump || command == mysql_command::binlog_dump_gtid) {
      out.push_back(one_way(api, frame, size));
      end();
      return;
    }
    wait(std::move(api), frame.begun, size, command);
  }

  std::string api_of(std::uint8_t command, const MysqlPacket& packet) {
    Fields in(packet.body);
    in.skip(1);
    const std::string name(mysql_command_name(command));
    switch (command) {
      case mysql_command::query:
        skip_attributes(in);
        return shape_of(in.rest(), packet, name);
      case mysql_command::statement_prepare:
        preparing_ = shape_of(in.rest(), packet, name);
        return name;
      case mysql_command::statement_execute:
      case mysql_command::statement_bulk:
      case mysql_command::statement_fetch: {
        // MariaDB: −1 is the statement that was prepared last.
        const std::uint32_t id = in.le32();
        const std::string_view known =
            id == 0xffffffffU ? std::string_view(preparing_) : statements_.find(id);
        return known.empty() ? name : std::string(known);
      }
      case mysql_command::statement_close:
        statements_.forget(in.le32());
        return name;
      default:
        return name;
    }
  }

  /// Query attributes stand before the text; no text begins with a zero. Where there are some,
  /// their values would have to be understood to find its beginning.
  static void skip_attributes(Fields& in) {
    const Bytes rest = in.rest();
    if (rest.size() >= 2 && rest[0] == 0 && rest[1] == 1) {
      in.skip(2);
    } else if (!rest.empty() && rest[0] < ' ' && std::isspace(rest[0]) == 0) {
      in.skip(rest.size());
    }
  }

  static std::string shape_of(Bytes text, const MysqlPacket& packet, const std::string& otherwise) {
    std::string shape =
        sql_shape(text_of(text), SqlDialect::mysql, packet.body.size() == packet.length);
    return shape.empty() ? otherwise : shape;
  }

  void wait(std::string api, BootTime begun, std::uint64_t size, std::uint8_t command) {
    Waiting waiting;
    waiting.exchange.begun = begun;
    waiting.exchange.api = std::move(api);
    waiting.exchange.request_bytes = size;
    waiting.id = command;
    ask(std::move(waiting));
  }

  bool read_reply(const Frame& frame, const MysqlPacket& packet, std::vector<Exchange>& out) {
    if (is_mysql_greeting(packet)) {
      handshake_ = true;
      return true;
    }
    Waiting* const asked = oldest();
    if (asked == nullptr) {
      return read_unasked(frame, packet, out);
    }
    const bool begins = packet.number == 1 && !asked->answered;
    asked->exchange.reply_bytes += packet.size();
    const bool login = asked->id == mysql_command::change_user;
    if (login) {
      return read_login_answer(*asked, frame, packet, out);
    }
    if (!begins && !asked->answered) {
      // The middle of an answer to something that was asked before the connection was seen.
      return true;
    }
    answer(*asked, frame.begun);
    // Numbers follow one another; a file that the client sends in between counts, too.
    const bool counted = place_ == Place::columns || place_ == Place::rows;
    if (counted && packet.number != next_number_) {
      return false;
    }
    next_number_ = static_cast<std::uint8_t>(packet.number + 1);
    if (packet.body.empty()) {
      return true;
    }
    if (place_ == Place::first) {
      return read_first(*asked, packet, out);
    }
    return read_further(*asked, packet, out);
  }

  /// Too many connections, a host that is not allowed, a session that was killed.
  bool read_unasked(const Frame& frame, const MysqlPacket& packet, std::vector<Exchange>& out) {
    if (packet.number > 1 || packet.body.empty() || packet.body.front() != mysql_error_mark) {
      return true;
    }
    Exchange told = one_way("ERROR", frame, packet.size());
    fail_with(told, packet);
    out.push_back(std::move(told));
    return true;
  }

  bool read_login_answer(Waiting& asked, const Frame& frame, const MysqlPacket& packet,
                         std::vector<Exchange>& out) {
    if (packet.body.empty()) {
      return false;
    }
    const std::uint8_t mark = packet.body.front();
    answer(asked, frame.begun);
    if (mark == mysql_error_mark) {
      fail_with(asked.exchange, packet);
      end_answer(asked, out);
    } else if (mark == mysql_ok_mark) {
      end_answer(asked, out);
      // From here on packets are compressed, which nobody reads here.
      if (compresses_) {
        end();
      }
    }
    return true;
  }

  bool read_first(Waiting& asked, const MysqlPacket& packet, std::vector<Exchange>& out) {
    const std::uint8_t mark = packet.body.front();
    if (mark == mysql_error_mark) {
      fail_with(asked.exchange, packet);
      end_answer(asked, out);
    } else if (asked.id == mysql_command::statement_prepare) {
      if (mark != mysql_ok_mark) {
        return false;
      }
      Fields in(packet.body);
      in.skip(1);
      statements_.remember(in.le32(), preparing_);
      end_answer(asked, out);
    } else if (asked.id == mysql_command::field_list ||
               asked.id == mysql_command::statement_fetch) {
      place_ = Place::rows;
      return read_further(asked, packet, out);
    } else if (mark == mysql_ok_mark || asked.id == mysql_command::statistics) {
      end_or_continue(asked, packet, out);
    } else if (mark == mysql_end_mark && packet.length < 9) {
      end_answer(asked, out);
    } else if (mark != mysql_local_file_mark) {
      Fields in(packet.body);
      columns_left_ = mysql_integer(in);
      place_ = Place::columns;
      // MariaDB may leave out columns that the client knows: a zero behind their number says so.
      if (packet.length == 2 && mark < mysql_local_file_mark && in.u8() == 0) {
        columns_left_ = 0;
      }
      return in.ok() && columns_left_ <= most_columns && packet.length <= 9;
    }
    return true;
  }

  bool read_further(Waiting& asked, const MysqlPacket& packet, std::vector<Exchange>& out) {
    const std::uint8_t mark = packet.body.front();
    if (place_ == Place::columns && columns_left_ > 0) {
      --columns_left_;
      return true;
    }
    if (mark == mysql_error_mark) {
      fail_with(asked.exchange, packet);
      end_answer(asked, out);
    } else if (place_ == Place::columns && mark == mysql_end_mark && packet.length == 5) {
      // The older way has a mark between columns and rows; cursors end here.
      place_ = Place::rows;
      constexpr std::uint16_t cursor_exists = 0x0040;
      Fields in(packet.body);
      in.skip(3);
      if ((in.le16() & cursor_exists) != 0) {
        end_answer(asked, out);
      }
    } else if (mark == mysql_end_mark && packet.length < longest_packet) {
      end_or_continue(asked, packet, out);
    } else {
      place_ = Place::rows;
    }
    return true;
  }

  /// An OK or EOF packet: its status says whether another result follows.
  void end_or_continue(Waiting& asked, const MysqlPacket& packet, std::vector<Exchange>& out) {
    Fields in(packet.body);
    const std::uint8_t mark = in.u8();
    if (mark == mysql_end_mark && packet.length == 5) {
      in.skip(2);
    } else {
      mysql_integer(in);
      mysql_integer(in);
    }
    const std::uint16_t status = in.le16();
    if (in.ok() && (status & status_more_results) != 0 && asked.id != mysql_command::statistics) {
      place_ = Place::first;
    } else {
      end_answer(asked, out);
    }
  }

  void end_answer(Waiting& asked, std::vector<Exchange>& out) {
    place_ = Place::first;
    finish(asked, out);
    confirm();
  }

  static void fail_with(Exchange& exchange, const MysqlPacket& packet) {
    Fields in(packet.body);
    in.skip(1);
    const std::uint16_t number = in.le16();
    exchange.code = in.ok() ? std::to_string(number) : "~other";
    exchange.error = is_mysql_server_error(number) ? ErrorClass::server : ErrorClass::client;
    exchange.unproven = is_mysql_nonsense(number);
  }

  static constexpr std::uint64_t most_columns = 4096;

  /// The greeting was sent, the login not yet.
  bool handshake_ = false;
  bool compresses_ = false;
  Place place_ = Place::first;
  std::uint8_t next_number_ = 0;
  std::uint64_t columns_left_ = 0;
  std::string preparing_;
  StatementNames statements_;
};

std::unique_ptr<Conversation> begin() { return std::make_unique<MysqlConversation>(); }

}  // namespace

Protocol mysql_protocol() { return {"mysql", recognise_mysql, begin, true}; }

}  // namespace gala::l7_source
