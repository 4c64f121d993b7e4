// A SUB socket; the only file of the command line tool that includes zmq.hpp and catches its
// exceptions.
#include "runtime/cli/subscription.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <zmq.hpp>

namespace gala {

struct Subscription::State {
  zmq::context_t context{1};
  zmq::socket_t socket{context, zmq::socket_type::sub};
};

Subscription::Subscription(std::unique_ptr<State> state) : state_(std::move(state)) {}
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&&) noexcept = default;
Subscription::~Subscription() = default;

Result<Subscription> Subscription::open(std::span<const std::string> endpoints,
                                        std::span<const std::string> topics, int queue) {
  std::string endpoint_in_work;
  try {
    auto state = std::make_unique<State>();
    state->socket.set(zmq::sockopt::rcvhwm, queue);
    state->socket.set(zmq::sockopt::linger, 0);
    state->socket.set(zmq::sockopt::reconnect_ivl, 50);
    for (const std::string& topic : topics) {
      state->socket.set(zmq::sockopt::subscribe, topic);
    }
    if (topics.empty()) {
      state->socket.set(zmq::sockopt::subscribe, "");
    }
    for (const std::string& endpoint : endpoints) {
      endpoint_in_work = endpoint;
      state->socket.connect(endpoint);
    }
    return Subscription(std::move(state));
  } catch (const zmq::error_t& error) {
    return fail("cannot listen to " + endpoint_in_work + ": " + error.what());
  }
}

std::optional<ReceivedMessage> Subscription::next(Duration limit) {
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  try {
    state_->socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(std::max<std::int64_t>(wait, 0)));
    for (;;) {
      std::vector<zmq::message_t> parts;
      bool more = true;
      while (more) {
        zmq::message_t part;
        if (!state_->socket.recv(part)) {
          return std::nullopt;
        }
        more = part.more();
        parts.push_back(std::move(part));
      }
      if (parts.size() != 3) {
        continue;
      }
      const auto bytes = [](const zmq::message_t& part) {
        const auto* data = part.data<std::uint8_t>();
        return std::vector<std::uint8_t>(data, data + part.size());
      };
      return ReceivedMessage{parts[0].to_string(), bytes(parts[1]), bytes(parts[2])};
    }
  } catch (const zmq::error_t&) {
    // Interrupted by a signal: the caller looks at its own reasons to stop.
    return std::nullopt;
  }
}

}  // namespace gala
