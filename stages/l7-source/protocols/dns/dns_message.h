// The head of a DNS message: what it is, and what it asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "stages/l7-source/protocols/framing/fields.h"

namespace gala::l7_source {

inline constexpr std::size_t dns_header_size = 12;
/// By TCP a length comes first.
inline constexpr std::size_t dns_length_size = 2;

struct DnsMessage {
  std::uint16_t id = 0;
  bool reply = false;
  std::uint8_t operation = 0;
  std::uint8_t rcode = 0;
  /// Of the question; 0 = there is none, or it is cut.
  std::uint16_t type = 0;
  /// Of id, name and type: what a reply has in common with its query. Without a question of the id.
  std::uint64_t key = 0;
  /// Up to the end of the question.
  std::size_t size = 0;
};

/// Nothing = no DNS message begins here.
std::optional<DnsMessage> dns_message(Bytes bytes);

/// "AAAA", "NOTIFY"; "~other".
std::string_view dns_name(const DnsMessage& message);
/// "SERVFAIL"; "" = no error.
std::string_view dns_error(std::uint8_t rcode);
bool is_dns_server_error(std::uint8_t rcode);

Recognised recognise_dns(const Opening& opening);

}  // namespace gala::l7_source
