// Lengths of replies; their values are of no interest here.
#include "runtime/cli/demo/resp.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace gala::demo {
namespace {

constexpr int deepest_array = 8;

class ReplyReader {
 public:
  explicit ReplyReader(std::string_view buffer) : buffer_(buffer) {}

  ReplyState read(int depth) {
    const std::size_t end = buffer_.find("\r\n", at_);
    if (end == std::string_view::npos) {
      return ReplyState::incomplete;
    }
    const char type = buffer_[at_];
    const std::string_view rest = buffer_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 2;
    if (type == '+' || type == '-' || type == ':') {
      return ReplyState::whole;
    }
    std::int64_t count = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (parsed.ec != std::errc{} || (type != '$' && type != '*') || depth > deepest_array) {
      return ReplyState::broken;
    }
    return type == '$' ? skip_text(count) : skip_items(count, depth);
  }

  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  ReplyState skip_text(std::int64_t size) {
    if (size < 0) {
      return ReplyState::whole;
    }
    const std::size_t end = at_ + static_cast<std::size_t>(size) + 2;
    if (end > buffer_.size()) {
      return ReplyState::incomplete;
    }
    at_ = end;
    return ReplyState::whole;
  }

  ReplyState skip_items(std::int64_t count, int depth) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (const ReplyState state = read(depth + 1); state != ReplyState::whole) {
        return state;
      }
    }
    return ReplyState::whole;
  }

  std::string_view buffer_;
  std::size_t at_ = 0;
};

}  // namespace

std::string resp_command(std::initializer_list<std::string_view> words) {
  std::string out = fmt::format("*{}\r\n", words.size());
  for (const std::string_view word : words) {
    out += fmt::format("${}\r\n{}\r\n", word.size(), word);
  }
  return out;
}

ReplyState read_reply(std::string_view buffer, Reply& reply) {
  ReplyReader reader(buffer);
  const ReplyState state = reader.read(0);
  if (state == ReplyState::whole) {
    reply = {reader.at(), buffer.front() == '-'};
  }
  return state;
}

}  // namespace gala::demo
