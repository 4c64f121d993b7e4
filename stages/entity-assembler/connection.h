// Which end of a TCP connection is the server, and the names both ends agree on.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace gala::entity_assembler {

/// One end of a connection as its socket sees it.
struct Connection {
  std::string_view local_ip;
  std::string_view remote_ip;
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  /// Inode of the network namespace; 0 = unknown.
  std::uint64_t netns = 0;
  /// What the kernel saw: connected by us, accepted by us, or opened before anybody looked.
  enum class Opened : std::uint8_t { actively = 0, passively = 1, unknown = 2 };
  Opened opened = Opened::unknown;
};

/// Sockets that listen, by network namespace.
class Listeners {
 public:
  /// `ip` is an address or a wildcard. Returns whether it is news.
  bool add(std::uint64_t netns, std::uint16_t port, std::string_view ip, std::uint64_t seen_ns);
  [[nodiscard]] bool contains(std::uint64_t netns, std::uint16_t port, std::string_view ip) const;
  /// Forgets what was not seen since `time_ns`; returns whether anything went.
  bool forget_before(std::uint64_t time_ns);
  [[nodiscard]] std::size_t size() const { return sockets_.size(); }

 private:
  struct Key {
    std::uint64_t netns;
    std::uint16_t port;
    std::string ip;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::map<Key, std::uint64_t> sockets_;
};

/// How the role was found; kernel is certain, ports is a guess.
enum class RoleSource : std::uint8_t { kernel, listener, ports };
std::string_view to_string(RoleSource source);

/// A connection by its two roles; both ends get the same but `is_server`.
struct Ends {
  bool is_server = false;
  RoleSource source = RoleSource::ports;
  std::string client_ip;
  std::string server_ip;
  std::uint16_t client_port = 0;
  std::uint16_t server_port = 0;
};

/// The kernel's word counts first, then who listens, then which port looks ephemeral (the lower one
/// serves when both or none do).
Ends ends_of(const Connection& connection, const Listeners& listeners);

/// Without the prefix of IPv4 addresses in IPv6 sockets: "::ffff:10.0.0.1" → "10.0.0.1".
std::string_view plain_ip(std::string_view ip);

/// Both ends in one network stack: 127.0.0.0/8, ::1, or an address talking to itself.
bool is_loopback(std::string_view local_ip, std::string_view remote_ip);

}  // namespace gala::entity_assembler
