// The producer's end of one edge. For link.cpp alone: it brings ZeroMQ along.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <zmq.hpp>

#include "runtime/core/graph.h"
#include "runtime/core/ledger.h"
#include "runtime/core/refusals.h"
#include "runtime/core/wire.h"

namespace gala::detail {

inline constexpr auto more_follows = zmq::send_flags::dontwait | zmq::send_flags::sndmore;

/// What is sent beside the header; the bytes are shared by all who get the message.
struct Parts {
  zmq::message_t topic;
  zmq::message_t payload;
};

/// The same bytes once more, not copied.
zmq::message_t share(zmq::message_t& message);

/// Sends, waits where its edge does, and counts: offered = sent + all that was dropped.
class OutEnd {
 public:
  OutEnd(Edge edge, Ledger ledger, zmq::socket_t socket)
      : edge_(std::move(edge)), ledger_(std::move(ledger)), socket_(std::move(socket)) {}

  /// Fills in what the envelope says of this edge. `keep_waiting` is asked while the edge waits.
  void send(const Envelope& envelope, Parts& parts, const std::function<bool()>& keep_waiting);
  void close(int linger_ms);

  [[nodiscard]] const Edge& edge() const { return edge_; }
  [[nodiscard]] const EdgeCounts& counts() const { return ledger_.counts(); }
  [[nodiscard]] const Refusals& refusals() const { return refusals_; }

 private:
  bool send_topic(zmq::message_t& topic, const std::function<bool()>& keep_waiting);
  bool send_rest(Envelope envelope, zmq::message_t& payload);
  void refuse(std::string reason);

  Edge edge_;
  Ledger ledger_;
  zmq::socket_t socket_;
  Refusals refusals_;
};

}  // namespace gala::detail
