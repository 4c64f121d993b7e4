// A piece of a connection: the beginning of what one read or one write passed.
#pragma once

#include <array>
#include <cstdint>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// IPv6, or IPv4 as ::ffff:a.b.c.d.
using Address = std::array<std::uint8_t, 16>;

enum class Role : std::uint8_t { server = 1, client = 2 };

/// What the kernel is told about a connection. The values are those of bpf/l7/piece.h.
enum class Verdict : std::uint8_t { none = 0, known = 1, given_up = 2, whole = 3 };

/// As the probe told it (bpf/l7/piece.h). The bytes are valid during the call.
struct Piece {
  std::uint64_t connection = 0;
  BootTime at;
  Direction direction = Direction::request;
  /// The connection has ended; nothing else counts.
  bool closed = false;
  bool from_start = true;
  /// By UDP: it begins a message, and its sequence numbers tell nothing.
  bool datagram = false;
  Role role = Role::server;
  /// As far as the kernel knows it.
  Verdict verdict = Verdict::none;
  /// The process that has the request.
  std::uint32_t tgid = 0;
  std::uint16_t server_port = 0;
  Address client_ip{};
  Address server_ip{};
  /// Exchanges that this one stands for.
  std::uint32_t weight = 1;
  /// Of the first byte; end of the other direction, 0 = nothing went that way yet.
  std::uint32_t seq = 0;
  std::uint32_t other_seq = 0;
  /// Bytes passed, of which the first are here.
  std::uint32_t size = 0;
  Bytes bytes;
};

}  // namespace gala::l7_source
