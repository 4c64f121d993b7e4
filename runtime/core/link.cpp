// Edges, taps and status over ZeroMQ.
#include "runtime/core/link.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <zmq.hpp>

#include "runtime/core/out_end.h"
#include "runtime/core/rejected.h"

namespace gala {
namespace {

using detail::more_follows;
using detail::OutEnd;
using detail::Parts;
using detail::share;

// ZMQ_ZERO_COPY_RECV: off, so that received payloads are 8-aligned as FlatBuffers needs
// (libzmq 4.3.4 hands out odd addresses otherwise). A draft constant, hence the number.
constexpr int zero_copy_receive_option = 10;
constexpr int tap_queue = 200;

std::span<const std::uint8_t> bytes_of(const zmq::message_t& message) {
  return {message.data<std::uint8_t>(), message.size()};
}

void free_vector(void*, void* hint) {
  std::unique_ptr<std::vector<std::uint8_t>>(static_cast<std::vector<std::uint8_t>*>(hint)).reset();
}

/// Moves the bytes into a message without copying them.
zmq::message_t message_of(std::vector<std::uint8_t>&& bytes) {
  auto owned = std::make_unique<std::vector<std::uint8_t>>(std::move(bytes));
  void* const data = owned->data();
  const std::size_t size = owned->size();
  return {data, size, free_vector, owned.release()};
}

zmq::message_t message_of(std::string_view text) { return {text.data(), text.size()}; }

struct InEnd {
  Edge edge;
  Ledger ledger;
  zmq::socket_t socket;
  Duration lag{0};
  Refusals refusals;
};

struct Tap {
  std::string port;
  std::uint64_t sequence = 0;
  zmq::socket_t socket;
};

}  // namespace

struct Links::State {
  Options options;
  zmq::context_t context{1};
  std::vector<OutEnd> out;
  std::vector<InEnd> in;
  std::vector<Tap> taps;
  std::optional<Tap> status;
  std::uint64_t started_ns = 0;
  Rejected rejected;
  Refusals tap_refusals;

  explicit State(const Options& wanted)
      : options(wanted), rejected(wanted.run_directory + "/rejected", wanted.stage) {}

  Result<> open_out(const Edge& edge);
  Result<> open_in(const Edge& edge);
  Tap open_publisher(const std::string& endpoint, std::string port);
  void send_tap(Tap& tap, Envelope envelope, Parts& parts);
  bool receive_one(InEnd& end, const std::function<void(const Frame&)>& handle);
};

Result<> Links::State::open_out(const Edge& edge) {
  const std::string endpoint = edge_endpoint(options.run_directory, edge);
  Ledger ledger = TRY(Ledger::open(endpoint.substr(6) + ".sent", started_ns));
  ledger.counts().settle();
  zmq::socket_t socket(context, zmq::socket_type::push);
  socket.set(zmq::sockopt::sndhwm, static_cast<int>(edge.queue));
  socket.set(zmq::sockopt::reconnect_ivl, 50);
  socket.set(zmq::sockopt::reconnect_ivl_max, 1000);
  socket.connect(endpoint);
  out.emplace_back(edge, std::move(ledger), std::move(socket));
  return {};
}

Result<> Links::State::open_in(const Edge& edge) {
  const std::string endpoint = edge_endpoint(options.run_directory, edge);
  Ledger ledger = TRY(Ledger::open(endpoint.substr(6) + ".received", started_ns));
  zmq::socket_t socket(context, zmq::socket_type::pull);
  socket.set(zmq::sockopt::rcvhwm, static_cast<int>(edge.queue));
  socket.set(zmq::sockopt::maxmsgsize, std::int64_t{max_payload_bytes});
  socket.bind(endpoint);
  in.push_back({edge, std::move(ledger), std::move(socket), Duration{0}, {}});
  return {};
}

Tap Links::State::open_publisher(const std::string& endpoint, std::string port) {
  zmq::socket_t socket(context, zmq::socket_type::pub);
  socket.set(zmq::sockopt::sndhwm, tap_queue);
  socket.set(zmq::sockopt::linger, 0);
  socket.bind(endpoint);
  return {std::move(port), 0, std::move(socket)};
}

Result<Links> Links::open(const Options& options) {
  auto state = std::make_unique<State>(options);
  state->started_ns = current_instant().boot.ns();
  zmq_ctx_set(state->context.handle(), zero_copy_receive_option, 0);
  try {
    for (const Edge& edge : options.in) {
      TRY(state->open_in(edge));
    }
    for (const Edge& edge : options.out) {
      TRY(state->open_out(edge));
    }
    for (const std::string& port : options.ports) {
      state->taps.push_back(
          state->open_publisher(tap_endpoint(options.run_directory, options.stage, port), port));
    }
    state->status =
        state->open_publisher(status_endpoint(options.run_directory, options.stage), "status");
  } catch (const zmq::error_t& error) {
    return fail(options.run_directory + ": a socket of stage \"" + options.stage +
                "\" cannot be opened: " + error.what() +
                "; check that the directory exists and no other process uses it");
  }
  return Links(std::move(state));
}

Links::Links(std::unique_ptr<State> state) : state_(std::move(state)) {}
Links::Links(Links&&) noexcept = default;
Links& Links::operator=(Links&&) noexcept = default;
Links::~Links() {
  if (state_) {
    close(Duration{0});
  }
}

void Links::State::send_tap(Tap& tap, Envelope envelope, Parts& parts) {
  envelope.epoch_ns = started_ns;
  envelope.sequence = ++tap.sequence;
  const wire::Header header = make_header(envelope, parts.payload.size());
  try {
    if (tap.socket.send(share(parts.topic), more_follows)) {
      tap.socket.send(zmq::buffer(&header, sizeof(header)), more_follows);
      tap.socket.send(share(parts.payload), zmq::send_flags::dontwait);
    }
    if (tap_refusals.count() > 0) {
      tap_refusals.accept(current_instant().boot);
    }
  } catch (const zmq::error_t& error) {
    tap_refusals.refuse(tap.port + ": " + error.what(), current_instant().boot);
  }
}

void Links::send(Outgoing&& message, Instant sent, const KeepWaiting& keep_waiting) {
  Envelope envelope;
  envelope.type = message.type;
  envelope.stage = state_->options.stage;
  envelope.port = message.port;
  envelope.sent = message.at.value_or(sent);
  Parts parts{message_of(make_topic(message.type, message.subject)),
              message_of(std::move(message.payload))};
  for (OutEnd& end : state_->out) {
    if (end.edge().port == message.port) {
      end.send(envelope, parts, keep_waiting);
    }
  }
  for (Tap& tap : state_->taps) {
    if (tap.port == message.port) {
      state_->send_tap(tap, envelope, parts);
    }
  }
}

void Links::publish_status(std::vector<std::uint8_t> payload, Instant sent) {
  Envelope envelope;
  envelope.type = wire::MessageType::stage_status;
  envelope.stage = state_->options.stage;
  envelope.port = state_->status->port;
  envelope.sent = sent;
  Parts parts{message_of(make_topic(envelope.type, state_->options.stage)),
              message_of(std::move(payload))};
  state_->send_tap(*state_->status, envelope, parts);
}

Result<std::vector<int>> Links::wait(const std::vector<int>& descriptors, Duration timeout) {
  std::vector<zmq::pollitem_t> items;
  items.reserve(state_->in.size() + descriptors.size());
  for (InEnd& end : state_->in) {
    items.push_back({end.socket.handle(), 0, ZMQ_POLLIN, 0});
  }
  for (const int descriptor : descriptors) {
    items.push_back({nullptr, descriptor, ZMQ_POLLIN, 0});
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout);
  try {
    zmq::poll(items.data(), items.size(), std::max(milliseconds, std::chrono::milliseconds{0}));
  } catch (const zmq::error_t& error) {
    if (error.num() == EINTR) {
      return std::vector<int>{};  // the caller looks at its descriptors again
    }
    return fail(std::string("cannot wait for messages: ") + error.what());
  }
  std::vector<int> ready;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    const short events = items[state_->in.size() + i].revents;
    if ((events & ZMQ_POLLERR) != 0 && ::fcntl(descriptors[i], F_GETFD) < 0) {
      return fail("cannot wait for descriptor " + std::to_string(descriptors[i]) +
                  ": it is not open");
    }
    if ((events & (ZMQ_POLLIN | ZMQ_POLLERR)) != 0) {
      ready.push_back(descriptors[i]);
    }
  }
  return ready;
}

bool Links::State::receive_one(InEnd& end, const std::function<void(const Frame&)>& handle) {
  std::vector<zmq::message_t> parts;
  do {
    if (!end.socket.recv(parts.emplace_back(), zmq::recv_flags::dontwait)) {
      return false;
    }
  } while (parts.back().more());
  EdgeCounts& counts = end.ledger.counts();
  Result<Frame> frame =
      parts.size() == 3
          ? open_frame(parts[0].to_string_view(), bytes_of(parts[1]), bytes_of(parts[2]))
          : fail("message of " + std::to_string(parts.size()) + " parts, not 3");
  if (!frame) {
    ++counts.invalid;
    end.refusals.refuse(frame.error().what, current_instant().boot);
    rejected.keep(bytes_of(parts.back()));
    return true;
  }
  counts.receive(frame->envelope.epoch_ns, frame->envelope.sequence, frame->payload.size());
  const BootTime now = current_instant().boot;
  // Who sends may have another clock, or none.
  const BootTime sent = frame->envelope.sent.boot;
  end.lag = sent < BootTime{} || sent > now ? Duration{0} : now - sent;
  end.refusals.accept(now);
  handle(*frame);
  return true;
}

std::size_t Links::receive(std::size_t limit, const std::function<void(const Frame&)>& handle) {
  std::size_t all = 0;
  for (InEnd& end : state_->in) {
    try {
      for (std::size_t count = 0; count < limit && state_->receive_one(end, handle); ++count) {
        ++all;
      }
    } catch (const zmq::error_t& error) {
      end.refusals.refuse(std::string("receiving failed: ") + error.what(), current_instant().boot);
    }
  }
  return all;
}

std::vector<std::string> Links::complaints() const {
  std::vector<std::string> all;
  const auto add = [&](const Refusals& refusals, const std::string& what,
                       const std::string& remedy) {
    if (refusals.count() > 0) {
      all.push_back(what + " and are lost, the newest because: " + refusals.reason() + remedy);
    }
  };
  for (const InEnd& end : state_->in) {
    add(end.refusals, "messages from " + end.edge.from + "." + end.edge.port + " are refused",
        "; see " + state_->options.run_directory + "/rejected, and that both are of one release");
  }
  const std::string restart = "; restart this stage if that goes on";
  for (const OutEnd& end : state_->out) {
    add(end.refusals(), "messages to " + end.edge().to + " cannot be sent", restart);
  }
  add(state_->tap_refusals, "messages to taps cannot be sent", restart);
  return all;
}

const EdgeCounts& Links::in_counts(std::size_t edge) const {
  return state_->in[edge].ledger.counts();
}
const EdgeCounts& Links::out_counts(std::size_t edge) const { return state_->out[edge].counts(); }
Duration Links::in_lag(std::size_t edge) const { return state_->in[edge].lag; }

void Links::close(Duration linger) {
  const auto milliseconds =
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(linger).count());
  for (OutEnd& end : state_->out) {
    end.close(milliseconds);
  }
  for (InEnd& end : state_->in) {
    end.socket.close();
  }
  for (Tap& tap : state_->taps) {
    tap.socket.close();
  }
  if (state_->status) {
    state_->status->socket.close();
  }
  state_->out.clear();
  state_->in.clear();
  state_->taps.clear();
  state_->status.reset();
}

}  // namespace gala
