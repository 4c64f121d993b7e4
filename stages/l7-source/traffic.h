// All connections: pieces in, rows and verdicts out.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "stages/l7-source/connection.h"
#include "stages/l7-source/piece.h"
#include "stages/l7-source/protocol.h"
#include "stages/l7-source/servers.h"

namespace gala::l7_source {

/// Pure: knows neither the kernel nor the clock. At most `connections` are followed at one time;
/// each holds what its parser states, about 32 KiB at worst and a few hundred bytes usually.
class Traffic {
 public:
  struct Limits {
    std::size_t connections = 20'000;
    /// A connection without a piece for so long is forgotten; when it speaks again it is asked
    /// anew.
    Duration idle = std::chrono::minutes(2);
    Servers::Limits servers;
  };

  /// `protocols` outlive it.
  Traffic(std::span<const Protocol> protocols, const Limits& limits)
      : protocols_(protocols), limits_(limits), servers_(limits.servers) {}

  void take(const Piece& piece);

  struct Decision {
    std::uint64_t connection = 0;
    Verdict verdict = Verdict::none;
  };
  /// What was decided since this was asked last.
  std::vector<Decision> take_decisions() { return std::exchange(decisions_, {}); }

  Servers::Rows end_window(BootTime now);

  struct Counts {
    std::size_t connections = 0;
    std::size_t servers = 0;
    std::uint64_t pieces = 0;
    std::uint64_t understood = 0;
    std::uint64_t given_up = 0;
    /// Pieces of connections, and exchanges of servers, for which there was no room.
    std::uint64_t refused = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Followed {
    Connection connection;
    Verdict told = Verdict::none;
    BootTime told_at;
    /// Set once its protocol is known.
    ServerKey key;
    /// Of its latest piece: what its end stands for, and whose it was.
    std::uint32_t weight = 1;
    Address client_ip{};
    /// It was forgotten while it was idle: its bytes begin at some message.
    bool resumed = false;
  };

  void close(const Piece& piece);
  void settle(Followed& followed, const Piece& piece, std::size_t pending_before);

  std::span<const Protocol> protocols_;
  Limits limits_;
  Servers servers_;
  std::unordered_map<std::uint64_t, Followed> connections_;
  std::vector<Decision> decisions_;
  /// Reused by every piece.
  std::vector<Exchange> exchanges_;
  Counts counts_;
};

}  // namespace gala::l7_source
