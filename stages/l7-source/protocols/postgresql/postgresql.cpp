// PostgreSQL: every message declares its length, so bodies of rows and parameters are skipped.
#include "stages/l7-source/protocols/postgresql/postgresql.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "stages/l7-source/protocols/framing/fields.h"
#include "stages/l7-source/protocols/framing/framed.h"
#include "stages/l7-source/protocols/postgresql/postgresql_messages.h"
#include "stages/l7-source/protocols/sql/sql_shape.h"
#include "stages/l7-source/protocols/sql/statement_names.h"

namespace gala::l7_source {

namespace {

/// How much of a statement is read for its shape.
constexpr std::uint64_t text_wanted = 1024;
/// Severity and SQLSTATE come first.
constexpr std::uint64_t error_wanted = 64;

class PostgresqlConversation final : public FramedConversation {
 public:
  PostgresqlConversation() : FramedConversation(Matching::by_order) {}

 protected:
  Step read(const Frame& frame, std::vector<Exchange>& out) override {
    if (frame.direction == Direction::reply) {
      return read_reply(frame, out);
    }
    if (!typed_ && frame.bytes.front() != 0) {
      typed_ = true;
    }
    return typed_ ? read_request(frame) : read_startup(frame, out);
  }

  void forget(Direction direction, std::uint64_t /*missing*/) override {
    if (direction == Direction::request) {
      batch_ = {};
    }
  }

 private:
  /// Messages of the extended protocol up to a Sync.
  struct Batch {
    Exchange exchange;
    bool open = false;
    bool timed = false;
    bool executes = false;
    bool answered = false;
  };

  enum class Kind : std::uint8_t { startup, query };

  /// One of the server's, as far as it is here.
  struct Message {
    char type = 0;
    Bytes body;
    std::uint64_t size = 0;
  };

  Step read_startup(const Frame& frame, std::vector<Exchange>& out) {
    if (frame.bytes.size() < postgresql_startup_header_size) {
      return Step::more();
    }
    Fields in(frame.bytes);
    const std::uint32_t length = in.be32();
    const std::uint32_t code = in.be32();
    if (length < postgresql_startup_header_size || length > postgresql_longest_startup) {
      return Step::violation();
    }
    if (code == postgresql_ssl_request || code == postgresql_gss_request) {
      encryption_asked_ = true;
    } else if (code == postgresql_cancel_request) {
      out.push_back(one_way("CANCEL REQUEST", frame, length));
      end();
    } else if (code >> 16U == 3) {
      typed_ = true;
      wait("STARTUP", frame.begun, length, Kind::startup);
    } else {
      return Step::violation();
    }
    return Step::frame(length);
  }

  Step read_request(const Frame& frame) {
    if (frame.bytes.size() < postgresql_header_size) {
      return Step::more();
    }
    Fields in(frame.bytes);
    const char type = static_cast<char>(in.u8());
    const std::uint32_t length = in.be32();
    if (!is_postgresql_request(type, length)) {
      return Step::violation();
    }
    const std::uint64_t size = std::uint64_t{length} + 1;
    const std::uint64_t wanted = is_type_of(type, "QPBEC") ? std::min(size, text_wanted) : 0;
    if (frame.bytes.size() < wanted && !frame.last) {
      return Step::more();
    }
    const Bytes body = in.take_up_to(size - postgresql_header_size);
    if (is_type_of(type, "PBEDCSH")) {
      read_extended(type, body, frame, size);
    } else if (type == 'Q') {
      const std::size_t end = text_of(body).find('\0');
      wait(sql_shape(text_of(body).substr(0, end), SqlDialect::postgresql,
                     end != std::string_view::npos),
           frame.begun, size, Kind::query);
    } else if (type == 'F') {
      wait("FUNCTION CALL", frame.begun, size, Kind::query);
    } else if (type == 'X') {
      end();
    } else if (Waiting* const waits = newest(); waits != nullptr) {
      waits->exchange.request_bytes += size;
    }
    return Step::frame(size);
  }

  void wait(std::string api, BootTime begun, std::uint64_t size, Kind kind) {
    Waiting waiting;
    waiting.exchange.begun = begun;
    waiting.exchange.api = std::move(api);
    waiting.exchange.request_bytes = size;
    waiting.id = static_cast<std::uint64_t>(kind);
    ask(std::move(waiting));
  }

  void read_extended(char type, Bytes body, const Frame& frame, std::uint64_t size) {
    batch_.open = true;
    batch_.exchange.request_bytes += size;
    if (!batch_.timed) {
      batch_.timed = true;
      batch_.exchange.begun = frame.begun;
    }
    Fields in(body);
    if (type == 'P') {
      const std::uint64_t statement = id_of(in.zero_ended());
      const std::size_t end = text_of(in.rest()).find('\0');
      statements_.remember(statement,
                           sql_shape(text_of(in.rest()).substr(0, end), SqlDialect::postgresql,
                                     end != std::string_view::npos));
      name_batch(statements_.find(statement));
    } else if (type == 'B') {
      const std::uint64_t portal = id_of(in.zero_ended());
      portals_.remember(portal, std::string(statements_.find(id_of(in.zero_ended()))));
    } else if (type == 'E' && !batch_.executes) {
      batch_.executes = true;
      batch_.exchange.api = portals_.find(id_of(in.zero_ended()));
    } else if (type == 'C' && in.u8() == 'S') {
      statements_.forget(id_of(in.zero_ended()));
    } else if (type == 'H') {
      // What was sent so far is answered now; the statement's own time begins behind it.
      batch_.timed = batch_.executes;
    } else if (type == 'S') {
      sync();
    }
  }

  /// Of a batch that executes nothing.
  void name_batch(std::string_view shape) {
    if (batch_.exchange.api.empty()) {
      batch_.exchange.api = shape;
    }
  }

  void sync() {
    name_batch(batch_.executes ? "EXECUTE" : "SYNC");
    Waiting waiting;
    waiting.exchange = std::exchange(batch_.exchange, {});
    waiting.answered = batch_.answered;
    waiting.id = static_cast<std::uint64_t>(Kind::query);
    batch_ = {};
    ask(std::move(waiting));
  }

  static std::uint64_t id_of(std::string_view name) { return std::hash<std::string_view>()(name); }

  Step read_reply(const Frame& frame, std::vector<Exchange>& out) {
    const char first = static_cast<char>(frame.bytes.front());
    if (std::exchange(encryption_asked_, false) && is_type_of(first, "SNG")) {
      if (first != 'N') {
        end();
      }
      return Step::frame(1);
    }
    if (frame.bytes.size() < postgresql_header_size) {
      return Step::more();
    }
    Fields in(frame.bytes);
    const char type = static_cast<char>(in.u8());
    const std::uint32_t length = in.be32();
    if (!is_postgresql_reply(type, length)) {
      return Step::violation();
    }
    const std::uint64_t size = std::uint64_t{length} + 1;
    if (type == 'E' && frame.bytes.size() < std::min(size, error_wanted) && !frame.last) {
      return Step::more();
    }
    const Message message{type, in.take_up_to(size - postgresql_header_size), size};
    if (type == 'A') {
      out.push_back(one_way("NOTIFICATION", frame, size));
    } else if (Waiting* const asked = oldest(); asked != nullptr) {
      read_answer(*asked, message, frame, out);
    } else {
      read_unasked(message, frame, out);
    }
    return Step::frame(size);
  }

  void read_answer(Waiting& asked, const Message& message, const Frame& frame,
                   std::vector<Exchange>& out) {
    const char type = message.type;
    asked.exchange.reply_bytes += message.size;
    answer(asked, frame.begun);
    const bool refused = type == 'E' && asked.id == static_cast<std::uint64_t>(Kind::startup);
    if (type == 'E' && asked.exchange.error == ErrorClass::none) {
      fail_with(asked.exchange, message.body);
    }
    // CopyBoth is replication: a stream of its own.
    if (type == 'Z' || type == 'W' || refused) {
      finish(asked, out);
      confirm();
      if (type == 'W') {
        end();
      }
    }
  }

  /// Before its Sync a batch may be answered in part (Flush, or a buffer that is full); else the
  /// server speaks by itself.
  void read_unasked(const Message& message, const Frame& frame, std::vector<Exchange>& out) {
    const char type = message.type;
    if (batch_.open && type != 'N' && type != 'S') {
      batch_.exchange.reply_bytes += message.size;
      if (batch_.executes && !batch_.answered && is_type_of(type, "2DCIsEGHW")) {
        batch_.answered = true;
        batch_.exchange.ended = std::max(frame.begun, batch_.exchange.begun);
      }
      if (type == 'E' && batch_.exchange.error == ErrorClass::none) {
        fail_with(batch_.exchange, message.body);
      }
    } else if (type == 'E') {
      Exchange told = one_way("ERROR", frame, message.size);
      fail_with(told, message.body);
      out.push_back(std::move(told));
    } else if (type == 'N') {
      out.push_back(one_way("NOTICE", frame, message.size));
    } else if (type == 'S') {
      out.push_back(one_way("PARAMETER STATUS", frame, message.size));
    }
  }

  static void fail_with(Exchange& exchange, Bytes fields) {
    exchange.code = postgresql_sqlstate(fields);
    exchange.error = postgresql_error_class(exchange.code);
    // Syntax, and tables that do not exist: statements that nobody's application has.
    exchange.unproven = exchange.code.starts_with("42");
  }

  bool typed_ = false;
  bool encryption_asked_ = false;
  Batch batch_;
  StatementNames statements_;
  StatementNames portals_;
};

std::unique_ptr<Conversation> begin() { return std::make_unique<PostgresqlConversation>(); }

}  // namespace

Protocol postgresql_protocol() { return {"postgresql", recognise_postgresql, begin, true}; }

}  // namespace gala::l7_source
