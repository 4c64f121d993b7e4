// Roles from kernel facts, listening sockets and port numbers, in this order.
#include "stages/entity-assembler/connection.h"

#include <optional>

namespace gala::entity_assembler {
namespace {

/// Linux' default of net.ipv4.ip_local_port_range starts here.
constexpr std::uint16_t first_ephemeral_port = 32768;

bool is_wildcard(std::string_view ip) { return ip.empty() || ip == "0.0.0.0" || ip == "::"; }

bool looks_ephemeral(std::uint16_t port) { return port >= first_ephemeral_port; }

std::optional<bool> serves_by_listener(const Connection& connection, const Listeners& listeners) {
  if (listeners.contains(connection.netns, connection.local_port, connection.local_ip)) {
    return true;
  }
  if (is_loopback(connection.local_ip, connection.remote_ip) &&
      listeners.contains(connection.netns, connection.remote_port, connection.remote_ip)) {
    return false;
  }
  return std::nullopt;
}

bool serves_by_ports(const Connection& connection) {
  const bool local = looks_ephemeral(connection.local_port);
  const bool remote = looks_ephemeral(connection.remote_port);
  return local == remote ? connection.local_port < connection.remote_port : remote;
}

}  // namespace

bool Listeners::add(std::uint64_t netns, std::uint16_t port, std::string_view ip,
                    std::uint64_t seen_ns) {
  const std::string_view address = plain_ip(ip);
  const auto [place, added] =
      sockets_.try_emplace({netns, port, is_wildcard(address) ? "" : std::string(address)});
  place->second = seen_ns;
  return added;
}

bool Listeners::contains(std::uint64_t netns, std::uint16_t port, std::string_view ip) const {
  return sockets_.contains({netns, port, ""}) ||
         sockets_.contains({netns, port, std::string(plain_ip(ip))});
}

bool Listeners::forget_before(std::uint64_t time_ns) {
  return std::erase_if(sockets_,
                       [time_ns](const auto& socket) { return socket.second < time_ns; }) > 0;
}

std::string_view to_string(RoleSource source) {
  switch (source) {
    case RoleSource::kernel:
      return "kernel";
    case RoleSource::listener:
      return "listener";
    case RoleSource::ports:
      break;
  }
  return "ports";
}

Ends ends_of(const Connection& connection, const Listeners& listeners) {
  Ends ends;
  const std::optional<bool> listening = serves_by_listener(connection, listeners);
  if (connection.opened != Connection::Opened::unknown) {
    ends.is_server = connection.opened == Connection::Opened::passively;
    ends.source = RoleSource::kernel;
  } else if (listening) {
    ends.is_server = *listening;
    ends.source = RoleSource::listener;
  } else {
    ends.is_server = serves_by_ports(connection);
  }
  ends.client_ip = plain_ip(ends.is_server ? connection.remote_ip : connection.local_ip);
  ends.server_ip = plain_ip(ends.is_server ? connection.local_ip : connection.remote_ip);
  ends.client_port = ends.is_server ? connection.remote_port : connection.local_port;
  ends.server_port = ends.is_server ? connection.local_port : connection.remote_port;
  return ends;
}

std::string_view plain_ip(std::string_view ip) {
  constexpr std::string_view mapped = "::ffff:";
  return ip.starts_with(mapped) && ip.find('.') != std::string_view::npos ? ip.substr(mapped.size())
                                                                          : ip;
}

bool is_loopback(std::string_view local_ip, std::string_view remote_ip) {
  const std::string_view local = plain_ip(local_ip);
  const std::string_view remote = plain_ip(remote_ip);
  return remote.starts_with("127.") || remote == "::1" || (!remote.empty() && local == remote);
}

}  // namespace gala::entity_assembler
