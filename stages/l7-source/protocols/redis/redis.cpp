// Redis: one step a RESP element, so that only headers must be seen.
#include "stages/l7-source/protocols/redis/redis.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "stages/l7-source/protocols/framing/fields.h"
#include "stages/l7-source/protocols/framing/framed.h"
#include "stages/l7-source/protocols/redis/redis_commands.h"
#include "stages/l7-source/protocols/redis/redis_element.h"

namespace gala::l7_source {

namespace {

constexpr std::int64_t longest_bulk = std::int64_t{1} << 32;

bool equal_word(std::string_view text, std::string_view upper) {
  return std::ranges::equal(text, upper, [](char a, char b) { return (a & ~0x20) == b; });
}

class RedisConversation final : public FramedConversation {
 public:
  RedisConversation() : FramedConversation(Matching::by_order) {}

 protected:
  Step read(const Frame& frame, std::vector<Exchange>& out) override {
    return frame.direction == Direction::request ? read_request(frame, out)
                                                 : read_reply(frame, out);
  }

  void forget(Direction direction, std::uint64_t missing) override {
    if (direction == Direction::reply) {
      depth_ = 0;
      return;
    }
    if (Waiting* const waits = current(); waits != nullptr) {
      waits->exchange.request_bytes += missing;
    }
    words_left_ = 0;
    kept_ = false;
  }

 private:
  enum class Role : std::uint8_t { answer, push, confirmation, attribute, undecided, ignored };
  enum class Replies : std::uint8_t { on, off, skip };

  Step read_request(const Frame& frame, std::vector<Exchange>& out) {
    if (words_left_ > 0) {
      return read_word(frame, out);
    }
    if (frame.bytes.front() != '*') {
      return read_inline(frame, out);
    }
    Step step;
    const auto header = redis_element(frame.bytes, most_redis_elements, step);
    if (!header) {
      return step;
    }
    words_ = words_left_ = header->count();
    command_begun_ = frame.begun;
    command_bytes_ = header->header;
    return Step::frame(header->header);
  }

  Step read_word(const Frame& frame, std::vector<Exchange>& out) {
    if (frame.bytes.front() != '$') {
      return Step::violation();
    }
    Step step;
    const auto word = redis_element(frame.bytes, longest_bulk, step);
    if (!word || word->number < 0) {
      return word ? Step::violation() : step;
    }
    const auto length = word->count();
    const bool names = words_left_ == words_;
    const bool wanted = names || (words_ - words_left_ <= most_options &&
                                  (kind_ == RedisKind::may_block || kind_ == RedisKind::client));
    const bool whole = word->body.size() == length;
    if (wanted && !whole && length <= longest_redis_command && (names || !frame.last)) {
      return Step::more();
    }
    if (names) {
      start_command(length <= longest_redis_command ? redis_command(word->body)
                                                    : redis_command({}));
    } else if (wanted && whole) {
      read_option(word->body);
    }
    if (Waiting* const waits = current(); waits != nullptr) {
      waits->exchange.request_bytes += word->bulk_size();
    }
    --words_left_;
    if (words_left_ == 0) {
      end_command(out);
    }
    return Step::frame(word->bulk_size());
  }

  Step read_inline(const Frame& frame, std::vector<Exchange>& out) {
    const auto line = redis_line(frame.bytes);
    if (!line) {
      return Step::more();
    }
    const std::uint64_t size = line->size() + redis_line_end.size();
    if (!line->empty()) {
      const RedisCommand command = redis_command(line->substr(0, line->find(' ')));
      if (command.name.starts_with('~')) {
        return Step::violation();
      }
      words_ = 2;
      command_begun_ = frame.begun;
      command_bytes_ = size;
      start_command(command);
      end_command(out);
    }
    return Step::frame(size);
  }

  void start_command(const RedisCommand& command) {
    kind_ = command.kind;
    options_ = 0;
    switched_.reset();
    Waiting waiting;
    waiting.exchange.begun = command_begun_;
    waiting.exchange.api = command.name;
    waiting.exchange.parked = kind_ == RedisKind::blocking;
    waiting.exchange.request_bytes = command_bytes_;
    waiting.id = static_cast<std::uint64_t>(kind_) | words_ << 8U;
    kept_ = ask(std::move(waiting)) != nullptr;
  }

  /// The command that is being read, unless it was answered before its end.
  Waiting* current() { return kept_ ? newest() : nullptr; }

  /// A word behind the command's name: BLOCK, or what CLIENT REPLY sets.
  void read_option(std::string_view word) {
    ++options_;
    if (Waiting* const waits = current();
        waits != nullptr && kind_ == RedisKind::may_block && equal_word(word, "BLOCK")) {
      waits->exchange.parked = true;
    }
    if (kind_ != RedisKind::client) {
      return;
    }
    if (options_ == 1 && !equal_word(word, "REPLY")) {
      kind_ = RedisKind::plain;
    } else if (equal_word(word, "ON")) {
      switched_ = Replies::on;
    } else if (equal_word(word, "OFF")) {
      switched_ = Replies::off;
    } else if (equal_word(word, "SKIP")) {
      switched_ = Replies::skip;
    }
  }

  void end_command(std::vector<Exchange>& out) {
    const bool silent = switched_.value_or(replies_) != Replies::on;
    if (Waiting* const waits = current(); waits != nullptr && silent) {
      waits->exchange.one_way = true;
      waits->exchange.ended = waits->exchange.begun;
      finish(*waits, out);
    }
    if (switched_) {
      replies_ = *switched_;
    } else if (replies_ == Replies::skip) {
      replies_ = Replies::on;
    }
    kept_ = false;
  }

  Step read_reply(const Frame& frame, std::vector<Exchange>& out) {
    const char type = static_cast<char>(frame.bytes.front());
    if (redis_reply_types.find(type) == std::string_view::npos) {
      return Step::violation();
    }
    if (depth_ == 0) {
      start_reply(type, frame.begun);
    } else if (depth_ == 1 && role_ == Role::undecided && type != '$') {
      decide_by({});
    }
    Step step;
    std::uint64_t children = 0;
    if (std::string_view("*~>%|").find(type) != std::string_view::npos) {
      const auto header = redis_element(frame.bytes, most_redis_elements, step);
      if (!header) {
        return step;
      }
      children = header->count();
      children *= type == '%' || type == '|' ? 2U : 1U;
      step = Step::frame(header->header);
    } else if (std::string_view("$!=").find(type) != std::string_view::npos) {
      step = read_bulk(frame, type);
    } else {
      step = read_line(frame, type);
    }
    if (step.kind != Step::Kind::frame) {
      return step;
    }
    if (children > 0 && depth_ == left_.size()) {
      return Step::violation();
    }
    end_element(step.size, children, out);
    return step;
  }

  void start_reply(char type, BootTime at) {
    reply_begun_ = at;
    reply_bytes_ = 0;
    push_type_ = type == '>';
    if (type == '|') {
      role_ = Role::attribute;
    } else if (type == '>' || (type == '*' && subscribed())) {
      role_ = Role::undecided;
    } else {
      decide(Role::answer);
    }
  }

  [[nodiscard]] bool subscribed() {
    const Waiting* const next = oldest();
    subscribed_ = subscribed_ || (next != nullptr && kind_of(*next) == RedisKind::subscribing);
    return subscribed_;
  }

  static RedisKind kind_of(const Waiting& waiting) {
    return static_cast<RedisKind>(waiting.id & 0xffU);
  }

  void decide(Role role) {
    role_ = role;
    Waiting* const next = oldest();
    if (role == Role::confirmation) {
      if (confirmations_left_ > 0) {
        --confirmations_left_;
        role_ = Role::ignored;
        return;
      }
      if (next == nullptr || kind_of(*next) != RedisKind::subscribing) {
        role_ = Role::ignored;
        return;
      }
      const std::uint64_t words = next->id >> 8U;
      confirmations_left_ = words > 2 ? words - 2 : 0;
      role_ = Role::answer;
    }
    if (role_ == Role::answer && next == nullptr) {
      role_ = Role::ignored;
    } else if (role_ == Role::answer) {
      answer(*next, reply_begun_);
    }
  }

  /// What the first word of an array or push says that it is.
  void decide_by(std::string_view word) {
    if (word.ends_with("subscribe")) {
      decide(Role::confirmation);
    } else if (word.ends_with("message") || word == "invalidate") {
      decide(Role::push);
    } else {
      decide(push_type_ ? Role::push : Role::answer);
    }
  }

  Step read_bulk(const Frame& frame, char type) {
    Step step;
    const auto bulk = redis_element(frame.bytes, longest_bulk, step);
    if (!bulk) {
      return step;
    }
    const auto length = bulk->count();
    const bool wanted = type == '!' || (depth_ == 1 && role_ == Role::undecided);
    const std::uint64_t seen_enough = std::min<std::uint64_t>(length, longest_code);
    if (wanted && bulk->body.size() < seen_enough && !frame.last) {
      return Step::more();
    }
    if (type == '!') {
      fail_with(bulk->body);
    } else if (wanted) {
      decide_by(bulk->body.size() == length ? bulk->body : std::string_view());
    }
    return Step::frame(bulk->bulk_size());
  }

  Step read_line(const Frame& frame, char type) {
    const auto line = redis_line(frame.bytes);
    if (type == '-' && (line || frame.last)) {
      fail_with(line ? line->substr(1) : text_of(frame.bytes).substr(1));
    }
    if (!line) {
      return type == '+' || type == '-' || type == '(' ||
                     frame.bytes.size() < longest_redis_header * 2
                 ? Step::more()
                 : Step::violation();
    }
    return Step::frame(line->size() + redis_line_end.size());
  }

  /// An error inside an array is an error of what it answers only if that is a transaction.
  void fail_with(std::string_view message) {
    Waiting* const next = oldest();
    if (role_ != Role::answer || next == nullptr || next->exchange.error != ErrorClass::none ||
        (depth_ > 0 && next->exchange.api != "EXEC")) {
      return;
    }
    const std::string_view code = redis_error_code(message);
    if (is_redis_redirection(code)) {
      return;
    }
    next->exchange.code = code;
    next->exchange.error = is_redis_server_error(code) ? ErrorClass::server : ErrorClass::client;
  }

  void end_element(std::uint64_t size, std::uint64_t children, std::vector<Exchange>& out) {
    reply_bytes_ += size;
    if (children > 0) {
      left_[depth_] = children;
      ++depth_;
      return;
    }
    while (depth_ > 0 && --left_[depth_ - 1] == 0) {
      --depth_;
    }
    if (depth_ == 0) {
      end_reply(out);
    }
  }

  void end_reply(std::vector<Exchange>& out) {
    if (role_ == Role::undecided) {
      decide_by({});
    }
    if (role_ == Role::push) {
      Exchange push;
      push.begun = push.ended = reply_begun_;
      push.api = "PUSH";
      push.one_way = true;
      push.reply_bytes = reply_bytes_;
      out.push_back(std::move(push));
    }
    Waiting* const next = oldest();
    if (role_ != Role::answer || next == nullptr) {
      return;
    }
    const RedisKind kind = kind_of(*next);
    next->exchange.reply_bytes = reply_bytes_;
    const bool failed = next->exchange.error != ErrorClass::none;
    finish(*next, out);
    confirm();
    if (!failed && (kind == RedisKind::monitor || kind == RedisKind::replication)) {
      end();
    }
  }

  /// Options stand before the names of keys.
  static constexpr std::uint64_t most_options = 8;

  std::uint64_t words_ = 0;
  std::uint64_t words_left_ = 0;
  std::uint64_t options_ = 0;
  BootTime command_begun_;
  std::uint64_t command_bytes_ = 0;
  RedisKind kind_ = RedisKind::plain;
  /// The command that is being read waits as the newest.
  bool kept_ = false;
  Replies replies_ = Replies::on;
  std::optional<Replies> switched_;

  Role role_ = Role::ignored;
  bool push_type_ = false;
  bool subscribed_ = false;
  std::uint64_t confirmations_left_ = 0;
  BootTime reply_begun_;
  std::uint64_t reply_bytes_ = 0;
  /// Elements that are still to come of each array around the current one.
  std::array<std::uint64_t, 9> left_{};
  std::size_t depth_ = 0;
};

std::unique_ptr<Conversation> begin() { return std::make_unique<RedisConversation>(); }

}  // namespace

Protocol redis_protocol() { return {"redis", recognise_redis, begin}; }

}  // namespace gala::l7_source
