// Whether a connection leaves its host.
#include "stages/entity-assembler/connection.h"

namespace gala::entity_assembler {
namespace {

/// Without the prefix of IPv4 addresses in IPv6 sockets: "::ffff:10.0.0.1" → "10.0.0.1".
std::string_view plain_ip(std::string_view ip) {
  constexpr std::string_view mapped = "::ffff:";
  return ip.starts_with(mapped) && ip.find('.') != std::string_view::npos ? ip.substr(mapped.size())
                                                                          : ip;
}

}  // namespace

bool is_loopback(std::string_view client_ip, std::string_view server_ip) {
  const std::string_view server = plain_ip(server_ip);
  return server.starts_with("127.") || server == "::1" ||
         (!server.empty() && plain_ip(client_ip) == server);
}

}  // namespace gala::entity_assembler
