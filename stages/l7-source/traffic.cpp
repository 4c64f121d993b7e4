// All connections: pieces in, rows and verdicts out.
#include "stages/l7-source/traffic.h"

#include <algorithm>
#include <utility>

namespace gala::l7_source {
namespace {

/// A connection that still does not know its verdict after so long has missed it.
constexpr Duration tell_again = std::chrono::seconds(1);

}  // namespace

void Traffic::take(const Piece& piece) {
  ++counts_.pieces;
  if (piece.closed) {
    close(piece);
    return;
  }
  auto found = connections_.find(piece.connection);
  const bool added = found == connections_.end();
  if (added) {
    if (connections_.size() >= limits_.connections) {
      ++counts_.refused;
      decisions_.push_back({piece.connection, Verdict::given_up});
      return;
    }
    found = connections_
                .emplace(piece.connection,
                         Followed{Connection(protocols_), Verdict::none, {}, {}, 1, {}, false})
                .first;
  }
  Followed& followed = found->second;
  const std::size_t pending = followed.connection.pending();
  Piece told = piece;
  // The kernel knows a verdict of a connection that is new here: it was forgotten while it was
  // idle.
  followed.resumed = followed.resumed || (added && piece.verdict != Verdict::none);
  told.from_start = piece.from_start && !followed.resumed;
  followed.connection.take(told, exchanges_);
  settle(followed, piece, pending);
}

/// Rows and verdict after a piece.
void Traffic::settle(Followed& followed, const Piece& piece, std::size_t pending_before) {
  Connection& connection = followed.connection;
  followed.weight = piece.weight;
  followed.client_ip = piece.client_ip;
  if (connection.protocol() != nullptr) {
    followed.key = {piece.tgid, piece.role, piece.server_ip, piece.server_port,
                    connection.protocol()->name};
    for (const Exchange& exchange : exchanges_) {
      servers_.add(followed.key, exchange, piece);
    }
    if (const std::uint64_t overflowed = connection.take_overflowed(); overflowed > 0) {
      servers_.add_overflowed(followed.key, overflowed * piece.weight);
    }
  }
  const bool ended = !exchanges_.empty();
  exchanges_.clear();
  const Verdict verdict = connection.verdict();
  if (verdict == Verdict::given_up && !ended && pending_before > 0) {
    servers_.add_unanswered(followed.key, pending_before * piece.weight);
  }
  if (verdict != followed.told) {
    counts_.understood += followed.told == Verdict::none && verdict != Verdict::given_up ? 1 : 0;
    counts_.given_up += verdict == Verdict::given_up ? 1 : 0;
    followed.told = verdict;
    followed.told_at = piece.at;
    decisions_.push_back({piece.connection, verdict});
  } else if (piece.verdict != verdict && piece.at - followed.told_at > tell_again) {
    followed.told_at = piece.at;
    decisions_.push_back({piece.connection, verdict});
  }
}

void Traffic::close(const Piece& piece) {
  const auto found = connections_.find(piece.connection);
  if (found == connections_.end()) {
    return;
  }
  Followed& followed = found->second;
  const std::size_t pending = followed.connection.pending();
  followed.connection.close(piece.at, exchanges_);
  if (followed.connection.protocol() != nullptr) {
    Piece last = piece;
    last.weight = followed.weight;
    last.client_ip = followed.client_ip;
    for (const Exchange& exchange : exchanges_) {
      servers_.add(followed.key, exchange, last);
    }
    const std::uint64_t left = pending - std::min(pending, exchanges_.size());
    servers_.add_unanswered(followed.key, left * followed.weight);
  }
  exchanges_.clear();
  connections_.erase(found);
}

Servers::Rows Traffic::end_window(BootTime now) {
  std::erase_if(connections_, [&](const auto& entry) {
    const Followed& followed = entry.second;
    const bool idle = now - followed.connection.last_seen() > limits_.idle;
    // What cannot be read from the middle stays, as long as there is room for others.
    const bool stays = followed.connection.verdict() == Verdict::whole &&
                       connections_.size() <= limits_.connections / 2;
    if (idle && !stays && followed.connection.pending() > 0) {
      servers_.add_unanswered(followed.key, followed.connection.pending() * followed.weight);
    }
    return idle && !stays;
  });
  return servers_.end_window();
}

Traffic::Counts Traffic::counts() const {
  Counts counts = counts_;
  counts.connections = connections_.size();
  counts.servers = servers_.size();
  counts.refused += servers_.refused();
  return counts;
}

}  // namespace gala::l7_source
