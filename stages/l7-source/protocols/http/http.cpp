// HTTP/1.0 and 1.1: requests and answers in their order.
#include "stages/l7-source/protocols/http/http.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <string>

#include "stages/l7-source/protocols/http/body.h"
#include "stages/l7-source/protocols/http/head.h"
#include "stages/l7-source/stream.h"

namespace gala::l7_source {
namespace {

using http::ReplyHead;
using http::RequestHead;
using http::Start;

/// Pieces in a row that begin no message, after which nobody believes that there is one.
constexpr int most_strays = 256;

struct Pending {
  BootTime begun;
  std::string method;
  std::string api;
  std::string trace_id;
  std::uint64_t bytes = 0;
};

/// One direction: where the next message begins.
struct Side {
  Stream stream;
  http::Body body;
  /// When the first byte of the message came whose head is being collected.
  BootTime begun;
  bool collecting = false;
  /// The next byte held is the first of a message; else whole pieces are passed over until one
  /// begins like a message.
  bool synced = true;
  int strays = 0;
};

class HttpConversation final : public Conversation {
 public:
  void take(Direction direction, BootTime at, Bytes bytes, std::vector<Exchange>& out) override {
    Side& side = side_of(direction);
    if (side.stream.broken()) {
      side.stream.resume();
      side.body.forget();
      side.collecting = false;
      side.synced = false;
    }
    side.stream.append(bytes);
    read(direction, at, out);
  }

  void gap(Direction direction, BootTime at, std::uint64_t missing,
           std::vector<Exchange>& out) override {
    Side& side = side_of(direction);
    const bool between_messages = side.synced && !side.collecting && side.body.at_end();
    // The last head was cut, so that what is missing may be a whole reply.
    const bool maybe_answered = direction == Direction::reply && !side.synced && !side.collecting;
    side.stream.gap(missing);
    if (!side.stream.broken()) {
      return;
    }
    read(direction, at, out);
    // Whole messages may be missing: whose answers are whose is not known any more.
    const bool pipelined = direction == Direction::request && pending_.size() > 1;
    if (between_messages || pipelined || maybe_answered) {
      for (std::size_t i = 0; i < pending_.size(); ++i) {
        overflow();
      }
      pending_.clear();
      untold_ = 0;
    }
    if (pipelined && ++blind_pipelines_ >= most_violations) {
      give_up();
    }
  }

  [[nodiscard]] bool finished() const override { return finished_; }
  [[nodiscard]] std::size_t pending() const override { return pending_.size(); }

 private:
  Side& side_of(Direction direction) { return direction == Direction::request ? request_ : reply_; }

  void read(Direction direction, BootTime at, std::vector<Exchange>& out) {
    Side& side = side_of(direction);
    while (!finished_ && !lost() && !(side.stream.bytes().empty() && side.body.at_end())) {
      if (!side.body.at_end()) {
        if (!side.body.pass(side.stream)) {
          return;
        }
        continue;
      }
      if (!read_head(direction, side, at, out)) {
        return;
      }
    }
  }

  /// False: there is nothing more to be read for now.
  bool read_head(Direction direction, Side& side, BootTime at, std::vector<Exchange>& out) {
    if (direction == Direction::request && skip_empty_line(side.stream)) {
      return true;
    }
    const Bytes bytes = side.stream.bytes();
    Start start =
        direction == Direction::request ? http::starts_request(bytes) : http::starts_reply(bytes);
    const bool cut = side.stream.broken() || bytes.size() >= most_collected;
    if (start == Start::maybe && cut) {
      // A target that is longer than what is copied.
      start = side.synced && bytes.size() >= 16 ? Start::message : Start::other;
    }
    if (start == Start::other) {
      pass_over(side);
      return false;
    }
    if (!side.collecting) {
      side.collecting = true;
      side.begun = at;
    }
    const std::optional<std::size_t> size = http::head_size(bytes);
    if (start == Start::maybe || (!size && !cut)) {
      return false;
    }
    side.collecting = false;
    side.synced = size.has_value();
    side.strays = 0;
    confirm();
    const Bytes head = bytes.first(size.value_or(bytes.size()));
    if (direction == Direction::request) {
      take_request(http::read_request(head), side, head.size());
    } else {
      take_reply(http::read_reply(head), side, head.size(), out);
    }
    if (!size) {
      side.body.forget();  // where the body begins is not known
    }
    return size.has_value();
  }

  /// Some clients end a body with an empty line (RFC 9112, 2.2).
  static bool skip_empty_line(Stream& stream) {
    const Bytes bytes = stream.bytes();
    if (bytes.size() < 2 || bytes[0] != '\r' || bytes[1] != '\n') {
      return false;
    }
    stream.skip(2);
    return true;
  }

  /// What is held begins no message: part of a body whose end is not known, or no HTTP.
  void pass_over(Side& side) {
    if (side.synced) {
      violate();
    }
    if (++side.strays > most_strays) {
      give_up();
    }
    side.synced = false;
    side.collecting = false;
    side.stream.resume();
  }

  void take_request(RequestHead head, Side& side, std::size_t size) {
    side.stream.skip(size);
    side.body.begin(head.framing, http::NoLength::no_body);
    if (pending_.size() >= most_pending || untold_ > 0) {
      ++untold_;
      overflow();
      return;
    }
    pending_.push_back({side.begun, std::move(head.method), std::move(head.api),
                        std::move(head.trace_id), size + head.framing.content_length.value_or(0)});
  }

  void take_reply(const ReplyHead& head, Side& side, std::size_t size, std::vector<Exchange>& out) {
    side.stream.skip(size);
    const bool switches = head.status == 101;
    if (head.status < 200 && !switches) {
      return;  // a promise of a reply: 100, 102, 103
    }
    const bool asks_head = !pending_.empty() && pending_.front().method == "HEAD";
    const bool connects =
        !pending_.empty() && pending_.front().method == "CONNECT" && head.status < 300;
    if (asks_head || head.status == 204 || head.status == 304) {
      side.body.begin({}, http::NoLength::no_body);
    } else {
      side.body.begin(head.framing, http::NoLength::until_close);
    }
    finished_ = switches || connects;
    if (pending_.empty()) {
      untold_ -= untold_ > 0 ? 1 : 0;
      return;
    }
    const Pending request = std::move(pending_.front());
    pending_.pop_front();
    out.push_back(exchange_of(request, head, side.begun,
                              size + (asks_head ? 0 : head.framing.content_length.value_or(0))));
  }

  static Exchange exchange_of(const Pending& request, const ReplyHead& head, BootTime ended,
                              std::uint64_t reply_bytes) {
    Exchange exchange;
    exchange.begun = request.begun;
    exchange.ended = std::max(ended, request.begun);
    exchange.api = request.api;
    exchange.trace_id = request.trace_id;
    exchange.request_bytes = request.bytes;
    exchange.reply_bytes = reply_bytes;
    if (head.status >= 400) {
      // 501 and 505 refuse a method or version: scanners ask for such.
      const bool refused = head.status == 501 || head.status == 505;
      exchange.error = head.status >= 500 && !refused ? ErrorClass::server : ErrorClass::client;
      exchange.code = std::to_string(head.status);
      exchange.unproven = http::may_be_nowhere(head.status);
    }
    return exchange;
  }

  Side request_;
  Side reply_;
  std::deque<Pending> pending_;
  /// How often requests followed one another faster than they are copied.
  int blind_pipelines_ = 0;
  /// Requests that are not kept, whose replies come after all that are.
  std::uint64_t untold_ = 0;
  bool finished_ = false;
};

Recognised recognise(const Opening& opening) {
  if (!opening.request.empty()) {
    switch (http::starts_request(opening.request)) {
      case Start::message:
        return Recognised::yes;
      case Start::maybe:
        // A target as long as a piece: only methods that everybody knows come this far.
        return opening.request.size() >= 128 ? Recognised::yes : Recognised::more;
      case Start::other:
        break;
    }
    return Recognised::no;
  }
  // Seen first in the middle of an exchange.
  switch (http::starts_reply(opening.reply)) {
    case Start::message:
      return opening.from_start ? Recognised::no : Recognised::yes;
    case Start::maybe:
      return Recognised::more;
    case Start::other:
      break;
  }
  return Recognised::no;
}

}  // namespace

Protocol http_protocol() {
  return {.name = "http", .recognise = recognise, .begin = []() -> std::unique_ptr<Conversation> {
            return std::make_unique<HttpConversation>();
          }};
}

}  // namespace gala::l7_source
