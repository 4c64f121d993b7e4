// What a stage wants sent: collected during one call, sent and cleared by the runtime after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/core/time.h"
#include "schemas/wire/envelope_generated.h"

namespace gala {

/// One message on its way out of a port.
struct Outgoing {
  /// A port name from the stage's description.
  std::string_view port;
  wire::MessageType type = wire::MessageType::none;
  /// Second half of the topic: the entity type for rows and events, "" otherwise.
  std::string subject;
  /// A finished FlatBuffer.
  std::vector<std::uint8_t> payload;
  /// Virtual time of the message (replay); nothing = the moment of sending.
  std::optional<Instant> at = std::nullopt;
};

class Outbox {
 public:
  /// `port` must outlive the outbox (a literal from the description).
  void send(std::string_view port, wire::MessageType type, std::string_view subject,
            std::vector<std::uint8_t> payload) {
    items_.push_back({port, type, std::string(subject), std::move(payload)});
  }
  /// A message that its header says was sent at `at`.
  void send_at(Instant at, Outgoing message) {
    message.at = at;
    items_.push_back(std::move(message));
  }

  [[nodiscard]] const std::vector<Outgoing>& items() const { return items_; }
  [[nodiscard]] std::vector<Outgoing>& items() { return items_; }
  void clear() { items_.clear(); }

 private:
  std::vector<Outgoing> items_;
};

}  // namespace gala
