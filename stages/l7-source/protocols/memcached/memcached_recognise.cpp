// What tells memcached from other protocols: a whole command, and an answer that fits it.
#include <string_view>

#include "stages/l7-source/protocols/memcached/memcached_words.h"

namespace gala::l7_source {

namespace {

Recognised recognise_binary(const Opening& opening) {
  if (opening.request.size() < memcached_header_size) {
    return Recognised::more;
  }
  const MemcachedHeader asked = memcached_header(opening.request);
  if (!is_memcached_request(asked)) {
    return Recognised::no;
  }
  if (opening.reply.size() < memcached_header_size) {
    return opening.reply.empty() || opening.reply.front() == memcached_reply_magic
               ? Recognised::more
               : Recognised::no;
  }
  const MemcachedHeader answered = memcached_header(opening.reply);
  // Behind quiet requests the answer is of a later one.
  const bool fits = answered.magic == memcached_reply_magic &&
                    !memcached_operation(answered.operation).empty() &&
                    (is_memcached_quiet(asked.operation) ||
                     (answered.operation == asked.operation && answered.opaque == asked.opaque));
  return fits ? Recognised::yes : Recognised::no;
}

}  // namespace

Recognised recognise_memcached(const Opening& opening) {
  if (opening.request.empty()) {
    return opening.from_start && !opening.reply.empty() ? Recognised::no : Recognised::more;
  }
  if (opening.request.front() == memcached_request_magic) {
    return recognise_binary(opening);
  }
  constexpr std::size_t long_line = 64;
  const std::string_view text = text_of(opening.request);
  const std::size_t end = text.find("\r\n");
  const std::size_t verb_end = text.find_first_of(" \r");
  if (verb_end == std::string_view::npos) {
    return text.size() < 16 ? Recognised::more : Recognised::no;
  }
  const MemcachedCommand command = memcached_command(text.substr(0, end));
  if (command.verb.name.empty()) {
    return Recognised::no;
  }
  if (end == std::string_view::npos && text.size() < long_line) {
    return Recognised::more;
  }
  if (!command.valid && end != std::string_view::npos) {
    return Recognised::no;
  }
  if (command.verb.kind == MemcachedKind::storage && command.silent) {
    return Recognised::yes;
  }
  const std::string_view reply = text_of(opening.reply);
  const std::size_t reply_end = reply.find("\r\n");
  if (reply_end == std::string_view::npos) {
    return reply.size() < long_line * 5 ? Recognised::more : Recognised::no;
  }
  const MemcachedAnswer answer = memcached_answer(reply.substr(0, reply_end));
  const bool fits = !answer.word.empty() && !(answer.error && answer.word == "ERROR") &&
                    (command.silent || memcached_fits(command.verb.kind, "", answer));
  return fits ? Recognised::yes : Recognised::no;
}

}  // namespace gala::l7_source
