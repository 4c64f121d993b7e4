// The count of one end of an edge, in a small mapped file: it survives kill -9, so a loss is still
// counted.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/core/handle.h"
#include "runtime/core/result.h"

namespace gala {

/// What is counted at one end of an edge. The producer uses offered, sent and dropped, the consumer
/// received, missing and invalid.
struct EdgeCounts {
  /// Boot time when this count began; 0 = never used.
  std::uint64_t epoch_ns = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t offered = 0;
  std::uint64_t sent = 0;
  std::uint64_t dropped_full = 0;
  std::uint64_t dropped_stopping = 0;
  std::uint64_t received = 0;
  std::uint64_t missing = 0;
  std::uint64_t repeated = 0;
  std::uint64_t invalid = 0;
  std::uint64_t bytes = 0;
  std::uint64_t waited_ns = 0;
  // New fields come last: the file of an older release is the beginning of this one.
  /// ZeroMQ refused the message, its connection ended inside it, or it is too large for a consumer.
  std::uint64_t dropped_error = 0;
  /// The process was killed while it sent them.
  std::uint64_t dropped_killed = 0;

  /// Producer, at its start: what an earlier process had offered and neither sent nor dropped was
  /// lost with it.
  void settle();
  /// Consumer: accounts for a message of the producer's epoch with this sequence.
  void receive(std::uint64_t producer_epoch_ns, std::uint64_t sequence, std::uint64_t size_bytes);
};

/// Owns the mapping and an exclusive lock on the file for as long as it lives: the lock is what
/// keeps a second process from silently taking over a ZeroMQ ipc endpoint.
class Ledger {
 public:
  /// Opens or creates `path`. Fails when another process holds it. The shorter file of an older
  /// release goes on; a longer one or a count from before the last boot starts anew with `now_ns`
  /// as its epoch.
  static Result<Ledger> open(const std::string& path, std::uint64_t now_ns);

  Ledger(Ledger&& other) noexcept;
  Ledger& operator=(Ledger&& other) noexcept;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger();

  [[nodiscard]] EdgeCounts& counts() { return *counts_; }
  [[nodiscard]] const EdgeCounts& counts() const { return *counts_; }

 private:
  Ledger(FileDescriptor file, EdgeCounts* counts) : file_(std::move(file)), counts_(counts) {}

  FileDescriptor file_;
  EdgeCounts* counts_;
};

}  // namespace gala
