// The length of the accept queue that a running program asked for, which can be changed from
// outside: the kernel lets listen() be called again on a socket that listens.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala {

/// Which listening sockets: those of a process on a TCP port, of any address.
struct Listener {
  int pid = 0;
  std::uint16_t port = 0;
};

/// Copies of its sockets, which may be several (SO_REUSEPORT, IPv4 and IPv6). Needs the right to
/// trace the process.
Result<std::vector<FileDescriptor>> listening_sockets(const Listener& listener);

/// Connections that fit into the shortest of their accept queues.
Result<std::uint32_t> backlog_of(const Listener& listener);
/// Asks for another length for each; the kernel grants net.core.somaxconn at most.
Result<void> set_backlog(const Listener& listener, std::uint32_t connections);

}  // namespace gala
