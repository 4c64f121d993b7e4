// What tells Redis from other protocols: commands and answers of its forms.
#include <algorithm>
#include <string_view>

#include "stages/l7-source/protocols/framing/fields.h"
#include "stages/l7-source/protocols/redis/redis_commands.h"
#include "stages/l7-source/protocols/redis/redis_element.h"

namespace gala::l7_source {

namespace {

/// Whether `*n $len NAME` stands at the front, NAME being a command.
Recognised command_at_front(Bytes bytes) {
  Step step;
  const auto array = redis_element(bytes, 1 << 20, step);
  if (!array || array->number < 1) {
    return !array && step.kind == Step::Kind::more ? Recognised::more : Recognised::no;
  }
  const Bytes behind = bytes.subspan(array->header);
  if (behind.empty()) {
    return Recognised::more;
  }
  if (behind.front() != '$') {
    return Recognised::no;
  }
  const auto word = redis_element(behind, longest_redis_command, step);
  if (!word || word->number < 1) {
    return !word && step.kind == Step::Kind::more ? Recognised::more : Recognised::no;
  }
  if (word->body.size() < static_cast<std::size_t>(word->number)) {
    return Recognised::more;
  }
  return redis_command(word->body).name.starts_with('~') ? Recognised::no : Recognised::yes;
}

/// Whether these may be the first bytes of an answer.
bool answers_like_redis(std::string_view reply) {
  if (reply.empty() || redis_reply_types.find(reply.front()) == std::string_view::npos) {
    return reply.empty();
  }
  const std::string_view line = reply.substr(0, reply.find('\r'));
  if (reply.front() == '+' || reply.front() == '-') {
    return std::ranges::all_of(line, [](char c) { return c >= ' ' && c < 0x7f; });
  }
  return line.size() <= longest_redis_header && std::ranges::all_of(line.substr(1), [](char c) {
           return (c >= '0' && c <= '9') ||
                  std::string_view("-+.einfat,").find(c) != std::string_view::npos;
         });
}

}  // namespace

Recognised recognise_redis(const Opening& opening) {
  const std::string_view request = text_of(opening.request);
  const std::string_view reply = text_of(opening.reply);
  if (!answers_like_redis(reply)) {
    return Recognised::no;
  }
  if (request.empty()) {
    // A server that is full speaks first; else it answers.
    const bool possible = !opening.from_start || reply.empty() || reply.front() == '-';
    return possible ? Recognised::more : Recognised::no;
  }
  if (request.front() == '*') {
    return command_at_front(opening.request);
  }
  // Inline commands are words that other protocols have, too: only the answer tells.
  const std::string_view word = request.substr(0, request.find_first_of(" \r\n"));
  if (word.size() == request.size() && word.size() < longest_redis_command) {
    return Recognised::more;
  }
  if (redis_command(word).name.starts_with('~')) {
    return Recognised::no;
  }
  constexpr std::string_view pong = "+PONG";
  if (reply.size() < pong.size() && pong.starts_with(reply)) {
    return Recognised::more;
  }
  const bool sure = reply.starts_with(pong) || reply.front() == '$' || reply.front() == '*' ||
                    reply.front() == ':';
  return sure ? Recognised::yes : Recognised::no;
}

}  // namespace gala::l7_source
