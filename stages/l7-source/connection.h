// One connection: finds out what it speaks, and hands its bytes to that protocol's parser in order.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "stages/l7-source/piece.h"
#include "stages/l7-source/protocol.h"

namespace gala::l7_source {

/// Keeps up to `most_undecided` pieces until it is known what they are, then a conversation.
class Connection {
 public:
  /// `protocols` outlives the connection.
  explicit Connection(std::span<const Protocol> protocols) : protocols_(protocols) {}

  /// Exchanges that end with the piece are appended to `out`.
  void take(const Piece& piece, std::vector<Exchange>& out);
  void close(BootTime at, std::vector<Exchange>& out);

  [[nodiscard]] Verdict verdict() const;
  /// nullptr while nothing is decided; stays when the connection is given up later.
  [[nodiscard]] const Protocol* protocol() const { return protocol_; }
  /// Requests without an answer so far.
  [[nodiscard]] std::size_t pending() const {
    return conversation_ == nullptr ? 0 : conversation_->pending();
  }
  /// Requests that were not kept since this was asked last.
  std::uint64_t take_overflowed();
  [[nodiscard]] BootTime last_seen() const { return last_seen_; }

  static constexpr std::size_t most_undecided = 16;

 private:
  /// Where a direction is, as far as anybody knows.
  struct Position {
    bool known = false;
    std::uint32_t end = 0;
  };
  struct Kept {
    Direction direction;
    BootTime at;
    std::vector<std::uint8_t> bytes;
    /// Bytes before it, or behind it when it has none itself, that were not copied.
    std::uint64_t missing = 0;
  };

  void pass(const Piece& piece, Bytes bytes, std::uint32_t size, std::vector<Exchange>& out);
  void advance(Direction direction, BootTime at, std::uint32_t seq, std::vector<Exchange>& out);
  void hand_over(Direction direction, BootTime at, Bytes bytes, std::vector<Exchange>& out);
  void pass_gap(Direction direction, BootTime at, std::uint64_t missing,
                std::vector<Exchange>& out);
  void decide(const Piece& latest, std::vector<Exchange>& out);
  void begin(const Protocol& protocol, std::vector<Exchange>& out);
  [[nodiscard]] std::vector<std::uint8_t> opening(Direction direction) const;
  Position& position(Direction direction) {
    return positions_[direction == Direction::request ? 0 : 1];
  }
  void give_up();

  std::span<const Protocol> protocols_;
  std::array<Position, 2> positions_;
  std::vector<Kept> kept_;
  /// How often an older connection's pieces began like nothing that is known.
  int misses_ = 0;
  bool given_up_ = false;
  const Protocol* protocol_ = nullptr;
  std::unique_ptr<Conversation> conversation_;
  std::uint64_t told_overflowed_ = 0;
  BootTime last_seen_;
};

}  // namespace gala::l7_source
