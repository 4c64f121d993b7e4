// Headers, questions, types and rcodes.
#include "stages/l7-source/protocols/dns/dns_message.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace gala::l7_source {

namespace {

constexpr std::uint8_t notify = 4;
constexpr std::uint8_t update = 5;
constexpr std::size_t longest_name = 255;
/// No message has more records than fit into 64 KB.
constexpr std::uint16_t most_records = 6000;

constexpr auto types = std::to_array<std::pair<std::uint16_t, std::string_view>>({
    {1, "A"},     {2, "NS"},     {5, "CNAME"}, {6, "SOA"},     {12, "PTR"},   {13, "HINFO"},
    {15, "MX"},   {16, "TXT"},   {28, "AAAA"}, {33, "SRV"},    {35, "NAPTR"}, {39, "DNAME"},
    {43, "DS"},   {46, "RRSIG"}, {47, "NSEC"}, {48, "DNSKEY"}, {50, "NSEC3"}, {52, "TLSA"},
    {64, "SVCB"}, {65, "HTTPS"}, {99, "SPF"},  {251, "IXFR"},  {252, "AXFR"}, {255, "ANY"},
    {256, "URI"}, {257, "CAA"},
});

constexpr auto errors = std::to_array<std::string_view>({
    "",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
});

/// Passes over a name without pointers; false = it is none.
bool skip_name(Fields& in) {
  std::size_t length = 0;
  while (true) {
    const std::uint8_t label = in.u8();
    if (!in.ok()) {
      // Cut: what is here may be a name.
      return true;
    }
    length += label + 1U;
    if (label > 63 || length > longest_name) {
      return false;
    }
    if (label == 0) {
      return true;
    }
    in.skip(label);
  }
}

}  // namespace

std::optional<DnsMessage> dns_message(Bytes bytes) {
  Fields in(bytes);
  DnsMessage message;
  message.id = in.be16();
  const std::uint16_t flags = in.be16();
  const std::uint16_t questions = in.be16();
  bool few = true;
  for (int i = 0; i < 3; ++i) {
    few = in.be16() <= most_records && few;
  }
  constexpr std::uint16_t reserved = 0x0040;
  message.reply = (flags & 0x8000U) != 0;
  message.operation = (flags >> 11U) & 0xfU;
  message.rcode = flags & 0xfU;
  const bool known = message.operation <= update && message.operation != 3;
  if (!in.ok() || !few || !known || (flags & reserved) != 0 || questions > 1 ||
      (questions == 0 && !message.reply) || (!message.reply && message.rcode != 0)) {
    return std::nullopt;
  }
  message.key = message.id;
  message.size = dns_header_size;
  if (questions == 0) {
    return message;
  }
  const Bytes question = in.rest();
  if (!skip_name(in)) {
    return std::nullopt;
  }
  const std::uint16_t type = in.be16();
  in.skip(2);
  if (in.ok()) {
    const std::size_t size = question.size() - in.rest().size();
    message.type = type;
    message.size += size;
    const std::uint64_t hash = std::hash<std::string_view>()(text_of(question.first(size)));
    message.key |= hash << 16U;
  }
  return message;
}

std::string_view dns_name(const DnsMessage& message) {
  if (message.operation == notify || message.operation == update) {
    return message.operation == notify ? "NOTIFY" : "UPDATE";
  }
  const auto found =
      std::ranges::find(types, message.type, &std::pair<std::uint16_t, std::string_view>::first);
  return found == types.end() ? "~other" : found->second;
}

std::string_view dns_error(std::uint8_t rcode) {
  return rcode < errors.size() ? errors[rcode] : "~other";
}

bool is_dns_server_error(std::uint8_t rcode) { return rcode == 2 || rcode == 4 || rcode == 5; }

}  // namespace gala::l7_source
