// Whether a connection leaves its host.
#pragma once

#include <string_view>

namespace gala::entity_assembler {

/// Both ends in one network stack: 127.0.0.0/8, ::1, or an address talking to itself. IPv4
/// addresses may be written as those of IPv6 sockets: "::ffff:10.0.0.1".
bool is_loopback(std::string_view client_ip, std::string_view server_ip);

}  // namespace gala::entity_assembler
