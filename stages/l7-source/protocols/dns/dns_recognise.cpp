// What tells DNS from other protocols: a query that is right to its end.
#include <algorithm>

#include "stages/l7-source/protocols/dns/dns_message.h"

namespace gala::l7_source {

namespace {

constexpr std::size_t least_query = dns_header_size + 5;

/// Flags and counts as clients send them.
bool is_query_header(Bytes bytes) {
  Fields in(bytes);
  in.skip(2);
  const std::uint16_t flags = in.be16();
  constexpr std::uint16_t client_flags = 0x0130;
  const bool counts = in.be16() == 1 && in.be16() == 0 && in.be16() == 0;
  return in.be16() <= 1 && in.ok() && counts && (flags & ~client_flags) == 0;
}

/// A query that is right to its end; behind it an OPT record, the next query (the usual resolver
/// asks for A and AAAA at once), or nothing.
Recognised query(Bytes bytes) {
  if (bytes.size() < dns_header_size) {
    return Recognised::more;
  }
  const auto message = dns_message(bytes);
  if (!is_query_header(bytes) || !message) {
    return Recognised::no;
  }
  if (message->size == dns_header_size) {
    return Recognised::more;
  }
  const auto end = bytes.subspan(message->size - 2);
  const unsigned asked_class = end[0] * 256U + end[1];
  const auto name = bytes.subspan(dns_header_size, message->size - dns_header_size - 4);
  if (std::ranges::any_of(name, [](std::uint8_t c) { return c >= 0x7f; }) || message->type == 0 ||
      (asked_class != 1 && asked_class != 3 && asked_class != 255)) {
    return Recognised::no;
  }
  const Bytes behind = bytes.subspan(message->size);
  if (bytes[dns_header_size - 1] == 0) {
    return behind.empty() ? Recognised::yes : query(behind);
  }
  if (behind.size() < 3) {
    return Recognised::more;
  }
  constexpr std::uint8_t opt = 41;
  constexpr std::uint8_t tsig = 250;
  const bool record = behind[0] == 0 && behind[1] == 0 && (behind[2] == opt || behind[2] == tsig);
  return record ? Recognised::yes : Recognised::no;
}

bool answers(Bytes reply, Bytes query) {
  const auto asked = dns_message(query);
  const auto answered = dns_message(reply);
  return asked && answered && answered->reply;
}

}  // namespace

Recognised recognise_dns(const Opening& opening) {
  if (opening.request.empty()) {
    return opening.from_start && !opening.reply.empty() ? Recognised::no : Recognised::more;
  }
  const Recognised datagram = query(opening.request);
  Fields in(opening.request);
  const std::uint16_t length = in.be16();
  const bool long_enough = in.ok() ? length >= least_query : opening.request.front() < 2;
  const Recognised stream = long_enough ? query(in.take_up_to(length)) : Recognised::no;
  if (datagram != Recognised::yes && stream != Recognised::yes) {
    return datagram == Recognised::more || stream == Recognised::more ? Recognised::more
                                                                      : Recognised::no;
  }
  const std::size_t prefix = datagram == Recognised::yes ? 0 : dns_length_size;
  if (opening.reply.size() < dns_header_size + prefix) {
    return Recognised::yes;
  }
  return answers(opening.reply.subspan(prefix), opening.request.subspan(prefix)) ? Recognised::yes
                                                                                 : Recognised::no;
}

}  // namespace gala::l7_source
