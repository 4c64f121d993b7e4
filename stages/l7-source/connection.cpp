// One connection: what it speaks, and its bytes in order.
#include "stages/l7-source/connection.h"

#include <algorithm>
#include <utility>

namespace gala::l7_source {
namespace {

/// An older connection is looked at so often before it is given up: its first piece may be the
/// middle of a body.
constexpr int most_misses = 8;
/// Bytes of each direction that protocols are asked about.
constexpr std::size_t opening_size = 512;

Direction opposite(Direction direction) {
  return direction == Direction::request ? Direction::reply : Direction::request;
}

}  // namespace

Verdict Connection::verdict() const {
  if (given_up_) {
    return Verdict::given_up;
  }
  if (protocol_ == nullptr) {
    return Verdict::none;
  }
  return protocol_->needs_all ? Verdict::whole : Verdict::known;
}

std::uint64_t Connection::take_overflowed() {
  if (conversation_ == nullptr) {
    return 0;
  }
  const std::uint64_t all = conversation_->overflowed();
  return all - std::exchange(told_overflowed_, all);
}

void Connection::take(const Piece& piece, std::vector<Exchange>& out) {
  last_seen_ = piece.at;
  if (given_up_) {
    return;
  }
  if (piece.datagram) {
    pass(piece, piece.bytes, piece.size, out);
    return;
  }
  if (piece.other_seq != 0) {
    advance(opposite(piece.direction), piece.at, piece.other_seq, out);
  }
  Position& position = this->position(piece.direction);
  advance(piece.direction, piece.at, piece.seq, out);
  // Bytes that were there before: a read after a peek, or a message written again.
  const auto repeated = static_cast<std::uint32_t>(position.end - piece.seq);
  if (repeated >= piece.size) {
    return;
  }
  const Bytes bytes = piece.bytes.subspan(std::min<std::size_t>(repeated, piece.bytes.size()));
  const std::uint32_t size = piece.size - repeated;
  position.end += size;
  pass(piece, bytes, size, out);
}

/// `size` bytes of the piece, of which these are here.
void Connection::pass(const Piece& piece, Bytes bytes, std::uint32_t size,
                      std::vector<Exchange>& out) {
  if (!bytes.empty()) {
    hand_over(piece.direction, piece.at, bytes, out);
  }
  if (size > bytes.size()) {
    pass_gap(piece.direction, piece.at, size - bytes.size(), out);
  }
  if (protocol_ == nullptr) {
    decide(piece, out);
  } else if (conversation_->lost() || conversation_->finished()) {
    give_up();
  }
}

void Connection::close(BootTime at, std::vector<Exchange>& out) {
  if (conversation_ != nullptr && !given_up_) {
    conversation_->close(at, out);
  }
}

/// The direction stands at `seq` now; what lies between was not told.
void Connection::advance(Direction direction, BootTime at, std::uint32_t seq,
                         std::vector<Exchange>& out) {
  Position& position = this->position(direction);
  if (!position.known) {
    position = {true, seq};
    return;
  }
  const auto missing = static_cast<std::int32_t>(seq - position.end);
  if (missing > 0) {
    position.end = seq;
    pass_gap(direction, at, static_cast<std::uint64_t>(missing), out);
  }
}

void Connection::hand_over(Direction direction, BootTime at, Bytes bytes,
                           std::vector<Exchange>& out) {
  if (conversation_ != nullptr) {
    conversation_->take(direction, at, bytes, out);
  } else if (kept_.size() < most_undecided) {
    kept_.push_back({direction, at, {bytes.begin(), bytes.end()}, 0});
  }
}

void Connection::pass_gap(Direction direction, BootTime at, std::uint64_t missing,
                          std::vector<Exchange>& out) {
  if (conversation_ != nullptr) {
    conversation_->gap(direction, at, missing, out);
  } else if (kept_.size() < most_undecided) {
    kept_.push_back({direction, at, {}, missing});
  }
}

/// The bytes of the first piece and what follows it, up to the first gap behind them.
std::vector<std::uint8_t> Connection::opening(Direction direction) const {
  std::vector<std::uint8_t> bytes;
  for (const Kept& kept : kept_) {
    if (kept.direction != direction) {
      continue;
    }
    if (kept.missing > 0 && bytes.empty()) {
      continue;
    }
    if (kept.missing > 0 || bytes.size() >= opening_size) {
      break;
    }
    bytes.insert(bytes.end(), kept.bytes.begin(), kept.bytes.end());
  }
  return bytes;
}

void Connection::decide(const Piece& latest, std::vector<Exchange>& out) {
  const std::vector<std::uint8_t> request = opening(Direction::request);
  const std::vector<std::uint8_t> reply = opening(Direction::reply);
  const Opening opening{request, reply, latest.server_port, latest.from_start};
  // Some servers speak first, also in protocols where that tells nothing.
  bool undecided = request.empty();
  for (const Protocol& protocol : protocols_) {
    if (latest.datagram && !protocol.datagrams) {
      continue;
    }
    const Recognised answer = protocol.recognise(opening);
    if (answer == Recognised::yes) {
      begin(protocol, out);
      return;
    }
    undecided = undecided || answer == Recognised::more;
  }
  if (undecided && kept_.size() < most_undecided) {
    return;
  }
  kept_.clear();
  if (latest.from_start || ++misses_ >= most_misses) {
    give_up();
  }
}

void Connection::begin(const Protocol& protocol, std::vector<Exchange>& out) {
  protocol_ = &protocol;
  conversation_ = protocol.begin();
  for (const Kept& kept : kept_) {
    if (kept.missing > 0) {
      conversation_->gap(kept.direction, kept.at, kept.missing, out);
    } else {
      conversation_->take(kept.direction, kept.at, kept.bytes, out);
    }
  }
  kept_ = {};
  if (conversation_->lost() || conversation_->finished()) {
    give_up();
  }
}

void Connection::give_up() {
  given_up_ = true;
  kept_ = {};
  conversation_.reset();
}

}  // namespace gala::l7_source
