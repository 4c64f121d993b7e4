// Sending to one consumer.
#include "runtime/core/out_end.h"

#include <chrono>

namespace gala::detail {
namespace {

constexpr std::chrono::milliseconds block_slice{50};

}  // namespace

zmq::message_t share(zmq::message_t& message) {
  zmq::message_t copy;
  copy.copy(message);
  return copy;
}

void OutEnd::send(const Envelope& envelope, Parts& parts,
                  const std::function<bool()>& keep_waiting) {
  ++ledger_.counts().offered;
  const std::size_t size = parts.payload.size();
  if (size > max_payload_bytes) {
    // The consumer would end the connection, and what else is under way would be lost, too.
    refuse("a payload of " + std::to_string(size) + " bytes is beyond the limit of " +
           std::to_string(max_payload_bytes));
    return;
  }
  try {
    if (!send_topic(parts.topic, keep_waiting)) {
      return;
    }
    if (!send_rest(envelope, parts.payload)) {
      refuse("the connection ended inside a message");
    } else if (refusals_.count() > 0) {
      refusals_.accept(current_instant().boot);
    }
  } catch (const zmq::error_t& error) {
    refuse(error.what());
  }
}

void OutEnd::refuse(std::string reason) {
  ++ledger_.counts().dropped_error;
  refusals_.refuse(std::move(reason), current_instant().boot);
}

/// Counts what it drops. False when the message is dropped.
bool OutEnd::send_topic(zmq::message_t& topic, const std::function<bool()>& keep_waiting) {
  EdgeCounts& counts = ledger_.counts();
  zmq::message_t part = share(topic);
  while (!socket_.send(part, more_follows)) {
    if (edge_.delivery == Delivery::drop) {
      ++counts.dropped_full;
      return false;
    }
    if (!keep_waiting()) {
      ++counts.dropped_stopping;
      return false;
    }
    const auto began = std::chrono::steady_clock::now();
    zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLOUT, 0};
    // An interruption ends this slice, and what else is wrong is met by the next attempt to send.
    zmq_poll(&item, 1, block_slice.count());
    counts.waited_ns +=
        static_cast<std::uint64_t>(Duration{std::chrono::steady_clock::now() - began}.count());
  }
  return true;
}

/// Header and payload, after the topic. False when the connection ended in between, which drops the
/// message as a whole.
bool OutEnd::send_rest(Envelope envelope, zmq::message_t& payload) {
  EdgeCounts& counts = ledger_.counts();
  envelope.epoch_ns = counts.epoch_ns;
  envelope.sequence = counts.last_sequence + 1;
  const wire::Header header = make_header(envelope, payload.size());
  const auto header_sent = socket_.send(zmq::buffer(&header, sizeof(header)), more_follows);
  // Also after a header that was not taken: the last part ends the message for the library.
  const auto payload_sent = socket_.send(share(payload), zmq::send_flags::dontwait);
  if (!header_sent || !payload_sent) {
    return false;
  }
  counts.last_sequence = envelope.sequence;
  ++counts.sent;
  counts.bytes += payload.size();
  return true;
}

void OutEnd::close(int linger_ms) {
  socket_.set(zmq::sockopt::linger, linger_ms);
  socket_.close();
}

}  // namespace gala::detail
