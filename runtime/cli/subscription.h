// Listening to the taps and status sockets of a running pipeline. The commands' only way to ZeroMQ.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/core/result.h"
#include "runtime/core/time.h"

namespace gala {

/// The three parts of a message as they arrived, unverified: pass them to `open_frame`.
struct ReceivedMessage {
  std::string topic;
  std::vector<std::uint8_t> header;
  /// Aligned for FlatBuffers, as any allocation is.
  std::vector<std::uint8_t> payload;
};

/// One SUB socket connected to many PUB sockets. An endpoint need not exist yet: it is tried again.
class Subscription {
 public:
  /// Messages whose topic begins with one of `topics` arrive; no topics = everything. What this
  /// process is too slow for, beyond `queue` messages, is dropped by the sender.
  static Result<Subscription> open(std::span<const std::string> endpoints,
                                   std::span<const std::string> topics, int queue = 1000);
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

  /// The next message, waiting at most that long. Messages of other than three parts are skipped.
  std::optional<ReceivedMessage> next(Duration limit);

 private:
  struct State;
  explicit Subscription(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gala
