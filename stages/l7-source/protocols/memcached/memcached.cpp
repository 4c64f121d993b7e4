// memcached: lines with data blocks behind them, or headers with bodies.
#include "stages/l7-source/protocols/memcached/memcached.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "stages/l7-source/protocols/framing/framed.h"
#include "stages/l7-source/protocols/memcached/memcached_words.h"

namespace gala::l7_source {

namespace {

constexpr std::uint64_t quiet_bit = 1U << 16U;

/// What answers to a binary request: operation, opaque number, quiet or not.
std::uint64_t id_of(const MemcachedHeader& header) {
  const std::uint64_t quiet = is_memcached_quiet(header.operation) ? quiet_bit : 0;
  return std::uint64_t{header.opaque} << 32U | quiet | header.operation;
}

/// Statuses that say how it went are no errors: not found, exists, not stored.
ErrorClass status_class(std::uint16_t status) {
  switch (status) {
    case 0x00:
    case 0x01:
    case 0x02:
    case 0x05:
    case 0x21:
      return ErrorClass::none;
    case 0x82:
    case 0x84:
    case 0x85:
    case 0x86:
      return ErrorClass::server;
    default:
      return ErrorClass::client;
  }
}

class MemcachedConversation final : public FramedConversation {
 public:
  MemcachedConversation() : FramedConversation(Matching::by_order) {}

 protected:
  Step read(const Frame& frame, std::vector<Exchange>& out) override {
    const bool asks = frame.direction == Direction::request;
    if (frame.bytes.front() == (asks ? memcached_request_magic : memcached_reply_magic)) {
      if (frame.bytes.size() < memcached_header_size) {
        return Step::more();
      }
      const MemcachedHeader header = memcached_header(frame.bytes);
      return asks ? read_operation(frame, header, out) : read_status(frame, header, out);
    }
    return read_text(frame, out);
  }

  void forget(Direction direction, std::uint64_t /*missing*/) override {
    line_goes_on_ = line_goes_on_ && direction != Direction::request;
  }

 private:
  Step read_text(const Frame& frame, std::vector<Exchange>& out) {
    const bool asks = frame.direction == Direction::request;
    const std::string_view text = text_of(frame.bytes);
    const std::size_t end = text.find('\n');
    const bool cut = end == std::string_view::npos;
    const std::uint64_t size = cut ? text.size() : end + 1;
    if (asks && line_goes_on_) {
      line_goes_on_ = cut;
      return Step::frame(size);
    }
    if (cut && !frame.last) {
      return Step::more();
    }
    std::string_view line = text.substr(0, end);
    line.remove_suffix(line.ends_with('\r') ? 1 : 0);
    if (asks) {
      // A line that is longer than what was copied still tells its verb.
      line_goes_on_ = cut;
      return read_command(frame, line, size, out);
    }
    if (cut) {
      read_cut_answer(frame, line);
      return Step::more();
    }
    return read_answer(frame, line, size, out);
  }

  /// Where it ends nobody knows, but what it says stands at its front.
  void read_cut_answer(const Frame& frame, std::string_view line) {
    if (Waiting* const asked = oldest(); asked != nullptr) {
      answer(*asked, frame.begun);
      fail_with(asked->exchange, memcached_answer(line));
    }
  }

  Step read_command(const Frame& frame, std::string_view line, std::uint64_t size,
                    std::vector<Exchange>& out) {
    const MemcachedCommand command = memcached_command(line);
    if (command.verb.name.empty()) {
      return Step::violation();
    }
    const std::uint64_t whole = size + command.data_size;
    if (command.silent || command.verb.kind == MemcachedKind::stream) {
      out.push_back(one_way(command.verb.name, frame, whole));
      if (command.verb.kind == MemcachedKind::stream) {
        end();
      }
      return Step::frame(whole);
    }
    const std::uint64_t quiet = command.quiet ? quiet_bit : 0;
    wait(command.verb.name, frame, whole,
         std::uint64_t{command.opaque} << 32U | quiet |
             static_cast<std::uint64_t>(command.verb.kind));
    return Step::frame(whole);
  }

  Step read_answer(const Frame& frame, std::string_view line, std::uint64_t size,
                   std::vector<Exchange>& out) {
    const MemcachedAnswer answered = memcached_answer(line);
    if (answered.word.empty()) {
      return Step::violation();
    }
    const std::uint64_t whole = size + answered.data_size;
    Waiting* asked = oldest();
    while (asked != nullptr && (asked->id & quiet_bit) != 0 && !fits(*asked, answered)) {
      stay_silent(*asked, out);
      asked = oldest();
    }
    if (asked == nullptr) {
      return Step::frame(whole);
    }
    if (!fits(*asked, answered)) {
      return Step::violation();
    }
    asked->exchange.reply_bytes += whole;
    answer(*asked, frame.begun);
    fail_with(asked->exchange, answered);
    if (!answered.goes_on) {
      finish(*asked, out);
      confirm();
    }
    return Step::frame(whole);
  }

  static void fail_with(Exchange& exchange, const MemcachedAnswer& answered) {
    if (answered.error) {
      exchange.code = answered.word;
      exchange.error = answered.word == "SERVER_ERROR" ? ErrorClass::server : ErrorClass::client;
    }
  }

  static bool fits(const Waiting& asked, const MemcachedAnswer& answered) {
    const auto opaque = static_cast<std::uint32_t>(asked.id >> 32U);
    const bool quiet = (asked.id & quiet_bit) != 0;
    const bool same = opaque == answered.opaque || answered.opaque == 0 || opaque == 0;
    return same && memcached_fits(static_cast<MemcachedKind>(asked.id & 0xffU),
                                  quiet ? std::string_view(asked.exchange.api) : "", answered);
  }

  Step read_operation(const Frame& frame, const MemcachedHeader& header,
                      std::vector<Exchange>& out) {
    if (!is_memcached_request(header)) {
      return Step::violation();
    }
    const std::string_view name = memcached_operation(header.operation);
    if (name == "quit" || name == "quitq") {
      out.push_back(one_way(name, frame, header.size()));
      end();
    } else {
      wait(name, frame, header.size(), id_of(header));
    }
    return Step::frame(header.size());
  }

  Step read_status(const Frame& frame, const MemcachedHeader& header, std::vector<Exchange>& out) {
    if (memcached_operation(header.operation).empty()) {
      return Step::violation();
    }
    const std::uint64_t id = id_of(header);
    Waiting* asked = oldest();
    while (asked != nullptr && (asked->id & quiet_bit) != 0 && asked->id != id) {
      stay_silent(*asked, out);
      asked = oldest();
    }
    if (asked == nullptr) {
      return Step::frame(header.size());
    }
    if (asked->id != id) {
      return Step::violation();
    }
    asked->exchange.reply_bytes += header.size();
    answer(*asked, frame.begun);
    asked->exchange.error = status_class(header.status);
    if (asked->exchange.error != ErrorClass::none) {
      asked->exchange.code = std::to_string(header.status);
    }
    const bool statistics = memcached_operation(header.operation) == "stat";
    if (!statistics || header.key_size == 0) {
      finish(*asked, out);
      confirm();
    }
    return Step::frame(header.size());
  }

  void wait(std::string_view api, const Frame& frame, std::uint64_t size, std::uint64_t id) {
    Waiting waiting;
    waiting.exchange.begun = frame.begun;
    waiting.exchange.api = api;
    waiting.exchange.request_bytes = size;
    waiting.id = id;
    ask(std::move(waiting));
  }

  /// A quiet request that the server passed over: it went as it should.
  void stay_silent(Waiting& asked, std::vector<Exchange>& out) {
    asked.exchange.one_way = true;
    asked.exchange.ended = asked.exchange.begun;
    finish(asked, out);
  }

  /// The rest of a line that was too long to wait for.
  bool line_goes_on_ = false;
};

std::unique_ptr<Conversation> begin() { return std::make_unique<MemcachedConversation>(); }

}  // namespace

Protocol memcached_protocol() { return {"memcached", recognise_memcached, begin}; }

}  // namespace gala::l7_source
