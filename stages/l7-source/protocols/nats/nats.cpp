// NATS: lines, some with a payload of a declared size behind them.
#include "stages/l7-source/protocols/nats/nats.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "stages/l7-source/protocols/framing/fields.h"
#include "stages/l7-source/protocols/framing/framed.h"

namespace gala::l7_source {

namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::uint64_t longest_payload = std::uint64_t{1} << 30;
constexpr std::uint8_t tls_record = 0x16;
/// What waits for +OK and for PONG; hashes of subjects have the top bit.
constexpr std::uint64_t ok_id = 1;
constexpr std::uint64_t pong_id = 2;
constexpr std::uint64_t subject_bit = std::uint64_t{1} << 63;

constexpr auto client_verbs =
    std::to_array<std::string_view>({"CONNECT", "PUB", "HPUB", "SUB", "UNSUB", "PING", "PONG"});
constexpr auto server_verbs =
    std::to_array<std::string_view>({"INFO", "MSG", "HMSG", "PING", "PONG", "+OK", "-ERR"});

/// What servers say behind -ERR; further words may be subjects.
constexpr auto server_errors = std::to_array<std::string_view>(
    {"Maximum Connections Exceeded", "Slow Consumer", "Server Shutdown", "Stale Connection"});
constexpr auto client_errors = std::to_array<std::string_view>(
    {"Authorization Timeout", "Authorization Violation", "Invalid Client Protocol",
     "Invalid Publish Subject", "Invalid Subject", "Maximum Control Line Exceeded",
     "Maximum Payload Violation", "Maximum Subscriptions Exceeded", "Parser Error",
     "Permissions Violation", "Secure Connection", "Unknown Protocol Operation",
     "User Authentication Expired"});

struct Line {
  std::string_view verb;
  /// Between the verb and the last words, which are sizes: subject, reply subject, queue, number.
  std::array<std::string_view, 5> words;
  std::size_t count = 0;
  /// Of the line with its end, and of the payload with its own.
  std::size_t size = 0;
  std::uint64_t payload = 0;
  std::uint64_t headers = 0;
};

std::optional<std::uint64_t> number_of(std::string_view word) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool whole = !word.empty() && parsed.ptr == word.data() + word.size();
  return whole && parsed.ec == std::errc() && value <= longest_payload ? std::optional(value)
                                                                       : std::nullopt;
}

std::string_view verb_in(std::span<const std::string_view> verbs, std::string_view word) {
  const auto found = std::ranges::find_if(verbs, [word](std::string_view verb) {
    return std::ranges::equal(word, verb, [](char a, char b) {
      return std::toupper(static_cast<unsigned char>(a)) == b;
    });
  });
  return found == verbs.end() ? std::string_view() : *found;
}

void split(std::string_view text, Line& line) {
  while (line.count < line.words.size()) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty()) {
      return;
    }
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    line.words[line.count++] = word;
    text.remove_prefix(word.size());
  }
}

/// Reads the sizes behind the words; false = they are not what the verb has.
bool read_sizes(Line& line) {
  const bool headers = line.verb.front() == 'H';
  const std::size_t sizes = headers ? 2 : 1;
  const std::size_t least = (line.verb.ends_with("MSG") ? 2 : 1) + sizes;
  if (line.count < least || line.count > least + 1) {
    return false;
  }
  const auto payload = number_of(line.words[line.count - 1]);
  const auto before = headers ? number_of(line.words[line.count - 2]) : std::optional(0UL);
  if (!payload || !before || *before > *payload) {
    return false;
  }
  line.payload = *payload + line_end.size();
  line.headers = *before;
  line.count -= sizes;
  return true;
}

/// The line at the front; nothing = it is none. Requires: its end is in `bytes`.
std::optional<Line> line_of(Bytes bytes, Direction direction) {
  const std::string_view text = text_of(bytes);
  Line line;
  const std::size_t end = text.find(line_end);
  const std::string_view content = text.substr(0, end);
  const std::string_view word = content.substr(0, content.find_first_of(" \t"));
  line.verb =
      direction == Direction::request ? verb_in(client_verbs, word) : verb_in(server_verbs, word);
  line.size = end == std::string_view::npos ? text.size() : end + line_end.size();
  if (line.verb.empty()) {
    return std::nullopt;
  }
  if (line.verb == "INFO" || line.verb == "CONNECT" || line.verb == "-ERR") {
    line.words[line.count++] = content.substr(word.size());
    return line;
  }
  split(content.substr(word.size()), line);
  const bool sized = line.verb.ends_with("PUB") || line.verb.ends_with("MSG");
  return !sized || read_sizes(line) ? std::optional(line) : std::nullopt;
}

std::uint64_t subject_id(std::string_view subject) {
  return std::hash<std::string_view>()(subject) | subject_bit;
}

void fail_with(Exchange& exchange, std::string_view message) {
  message.remove_prefix(std::min(message.find_first_not_of(" '"), message.size()));
  const auto begins = [message](std::string_view known) { return message.starts_with(known); };
  exchange.error = ErrorClass::client;
  exchange.code = "~other";
  if (const auto server = std::ranges::find_if(server_errors, begins);
      server != server_errors.end()) {
    exchange.error = ErrorClass::server;
    exchange.code = *server;
  } else if (const auto client = std::ranges::find_if(client_errors, begins);
             client != client_errors.end()) {
    exchange.code = *client;
  }
}

class NatsConversation final : public FramedConversation {
 public:
  NatsConversation() : FramedConversation(Matching::by_id) {}

 protected:
  Step read(const Frame& frame, std::vector<Exchange>& out) override {
    const bool asks = frame.direction == Direction::request;
    const bool ended = text_of(frame.bytes).find(line_end) != std::string_view::npos;
    bool& goes_on = asks ? request_goes_on_ : reply_goes_on_;
    if (goes_on) {
      return rest_of_line(frame, goes_on);
    }
    if (asks && frame.bytes.front() == tls_record) {
      end();
      return Step::frame(frame.bytes.size());
    }
    const std::string_view word = text_of(frame.bytes).substr(0, 8);
    const bool long_line = word.starts_with("INFO ") || word.starts_with("CONNECT ");
    if (!ended && !(frame.last && long_line)) {
      return Step::more();
    }
    const auto line = line_of(frame.bytes, frame.direction);
    if (!line) {
      return Step::violation();
    }
    goes_on = !ended;
    const std::uint64_t size = line->size + line->payload;
    if (asks) {
      read_request(frame, *line, size, out);
      return Step::frame(size);
    }
    return read_reply(frame, *line, size, out) ? Step::frame(size) : Step::more();
  }

  void forget(Direction direction, std::uint64_t /*missing*/) override {
    (direction == Direction::request ? request_goes_on_ : reply_goes_on_) = false;
  }

 private:
  static Step rest_of_line(const Frame& frame, bool& goes_on) {
    const std::size_t end = text_of(frame.bytes).find('\n');
    goes_on = end == std::string_view::npos;
    return Step::frame(goes_on ? frame.bytes.size() : end + 1);
  }

  void read_request(const Frame& frame, const Line& line, std::uint64_t size,
                    std::vector<Exchange>& out) {
    if (line.verb == "PONG") {
      return;
    }
    if (line.verb == "CONNECT") {
      verbose_ = line.words[0].find("\"verbose\":true") != std::string_view::npos;
    }
    std::uint64_t id = verbose_ ? ok_id : 0;
    if (line.verb == "PING") {
      id = pong_id;
    } else if (line.verb.ends_with("PUB") && line.count == 2) {
      id = subject_id(line.words[1]);
    }
    if (id == 0) {
      out.push_back(one_way(line.verb, frame, size));
      return;
    }
    // The +OK of a request is not its answer.
    confirmations_left_ += verbose_ && id != ok_id && id != pong_id ? 1 : 0;
    Waiting waiting;
    waiting.exchange.begun = frame.begun;
    waiting.exchange.api = line.verb;
    waiting.exchange.request_bytes = size;
    waiting.id = id;
    ask(std::move(waiting));
  }

  /// False = more bytes are needed.
  bool read_reply(const Frame& frame, const Line& line, std::uint64_t size,
                  std::vector<Exchange>& out) {
    if (line.verb.ends_with("MSG")) {
      const std::string_view headers = text_of(frame.bytes).substr(line.size);
      if (headers.size() < std::min<std::uint64_t>(line.headers, status_wanted) && !frame.last) {
        return false;
      }
      read_message(frame, line, headers, size, out);
    } else if (line.verb == "-ERR") {
      Exchange told = one_way("ERROR", frame, size);
      fail_with(told, line.words[0]);
      out.push_back(std::move(told));
    } else if (line.verb == "+OK") {
      // In the order of what was sent; requests are not told from other verbs, and need not be.
      Waiting* const asked = find(ok_id);
      if (asked == nullptr && confirmations_left_ > 0) {
        --confirmations_left_;
      } else if (asked != nullptr) {
        complete(*asked, frame, size, out);
      }
    } else if (line.verb == "PONG") {
      if (Waiting* const asked = find(pong_id); asked != nullptr) {
        complete(*asked, frame, size, out);
      }
    }
    return true;
  }

  void read_message(const Frame& frame, const Line& line, std::string_view headers,
                    std::uint64_t size, std::vector<Exchange>& out) {
    Waiting* const asked = find(subject_id(line.words[0]));
    if (asked == nullptr) {
      out.push_back(one_way(line.verb, frame, size));
      return;
    }
    // Nobody listens there: the server itself answers.
    constexpr std::string_view no_responders = "NATS/1.0 503";
    if (line.headers > 0 && headers.starts_with(no_responders)) {
      asked->exchange.error = ErrorClass::server;
      asked->exchange.code = "503";
    }
    complete(*asked, frame, size, out);
  }

  void complete(Waiting& asked, const Frame& frame, std::uint64_t size,
                std::vector<Exchange>& out) {
    asked.exchange.reply_bytes = size;
    answer(asked, frame.begun);
    finish(asked, out);
    confirm();
  }

  static constexpr std::uint64_t status_wanted = 12;

  bool verbose_ = false;
  std::uint64_t confirmations_left_ = 0;
  /// The rest of a line that was too long to wait for.
  bool request_goes_on_ = false;
  bool reply_goes_on_ = false;
};

/// The line at the front, if its end is here, too.
std::optional<Line> whole_line(Bytes bytes, Direction direction) {
  const bool ended = text_of(bytes).find(line_end) != std::string_view::npos;
  return ended ? line_of(bytes, direction) : std::nullopt;
}

/// Whether what is here of the first word may be a verb.
bool begins_with_verb(Bytes bytes, Direction direction) {
  const std::string_view text = text_of(bytes);
  const std::size_t end = text.find_first_of(" \t\r");
  const std::string_view word = text.substr(0, end);
  const std::span<const std::string_view> verbs =
      direction == Direction::request ? std::span<const std::string_view>(client_verbs)
                                      : std::span<const std::string_view>(server_verbs);
  return std::ranges::any_of(verbs, [word, end](std::string_view verb) {
    const std::string_view wanted =
        end == std::string_view::npos ? verb.substr(0, word.size()) : verb;
    return !verb_in({&wanted, 1}, word).empty();
  });
}

/// A connection that is older than we are: one line each way, that no other protocol has.
Recognised recognise_within(const Opening& opening) {
  if (!begins_with_verb(opening.request, Direction::request) ||
      (!opening.reply.empty() && !begins_with_verb(opening.reply, Direction::reply))) {
    return Recognised::no;
  }
  const auto asked = whole_line(opening.request, Direction::request);
  const auto answered = whole_line(opening.reply, Direction::reply);
  if (!asked || !answered) {
    const bool short_yet = opening.request.size() < 64 && opening.reply.size() < 64;
    return short_yet ? Recognised::more : Recognised::no;
  }
  const bool published = asked->verb.ends_with("PUB") || asked->verb == "SUB";
  const bool pinged = asked->verb == "PING" && answered->verb == "PONG";
  const bool message = answered->verb.ends_with("MSG");
  return published || pinged || (message && asked->verb == "PONG") ? Recognised::yes
                                                                   : Recognised::no;
}

Recognised recognise(const Opening& opening) {
  constexpr std::string_view greeting = "INFO {\"";
  const std::string_view reply = text_of(opening.reply);
  if (reply.empty() && (opening.from_start || opening.request.empty())) {
    return opening.request.empty() ? Recognised::more : Recognised::no;
  }
  if (!reply.empty() && reply.substr(0, greeting.size()) == greeting.substr(0, reply.size())) {
    constexpr std::size_t enough = 64;
    if (reply.substr(0, 512).find("\"server_id\"") != std::string_view::npos) {
      return Recognised::yes;
    }
    return reply.size() < enough ? Recognised::more : Recognised::no;
  }
  if (opening.from_start) {
    return Recognised::no;
  }
  return opening.request.empty() ? Recognised::more : recognise_within(opening);
}

std::unique_ptr<Conversation> begin() { return std::make_unique<NatsConversation>(); }

}  // namespace

Protocol nats_protocol() { return {"nats", recognise, begin}; }

}  // namespace gala::l7_source
