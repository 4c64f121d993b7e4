// The typed ends of ZeroMQ: edges (PUSH → PULL), taps and status (PUB). Whoever includes this sees
// no socket: link.cpp and out_end.cpp alone use zmq.hpp here, and catch its exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/graph.h"
#include "runtime/core/ledger.h"
#include "runtime/core/outbox.h"
#include "runtime/core/result.h"
#include "runtime/core/wire.h"

namespace gala {

/// All sockets of one stage process. Not thread-safe: one owner.
class Links {
 public:
  struct Options {
    std::string run_directory;
    std::string stage;
    /// Edges in (bound here, one lock each) and out (connected), and the ports to tap.
    std::vector<Edge> in;
    std::vector<Edge> out;
    std::vector<std::string> ports;
  };

  /// Binds and connects everything. Errors name the endpoint and the remedy (already in use, path
  /// too long, directory missing).
  static Result<Links> open(const Options& options);

  Links(Links&&) noexcept;
  Links& operator=(Links&&) noexcept;
  ~Links();

  /// Asked while an edge with delivery = block waits for its consumer; false ends the wait, and the
  /// message is dropped and counted.
  using KeepWaiting = std::function<bool()>;

  /// Sends one message to every edge and the tap of its port. `sent` stamps the header. What an
  /// edge does not take is counted there.
  void send(Outgoing&& message, Instant sent, const KeepWaiting& keep_waiting);
  /// Publishes a StageStatus for `gala top`.
  void publish_status(std::vector<std::uint8_t> payload, Instant sent);

  /// Waits until a message, one of `descriptors`, the timeout or a signal. Returns the descriptors
  /// to look at: readable ones, and those whose other end is gone. An error means that waiting
  /// itself does not work, and would not when tried again.
  Result<std::vector<int>> wait(const std::vector<int>& descriptors, Duration timeout);
  /// Hands at most `limit` waiting messages of each edge to `handle`; returns how many there were.
  /// What does not verify is counted, kept (the newest few, under `run_directory`/rejected) and
  /// dropped.
  std::size_t receive(std::size_t limit, const std::function<void(const Frame&)>& handle);

  /// Counts of both kinds of ends, in the order of Options.
  [[nodiscard]] const EdgeCounts& in_counts(std::size_t edge) const;
  [[nodiscard]] const EdgeCounts& out_counts(std::size_t edge) const;
  /// How long the newest message of an edge had been under way.
  [[nodiscard]] Duration in_lag(std::size_t edge) const;
  /// One sentence for each end that has refused messages and is not yet well again (Refusals).
  [[nodiscard]] std::vector<std::string> complaints() const;

  /// Closes; messages still queued have `linger` to leave.
  void close(Duration linger);

 private:
  struct State;
  explicit Links(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gala
