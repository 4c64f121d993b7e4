// What still has to reach the broker: bounded, the important first, nothing forgotten before its
// report.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace gala::kafka_sink {

/// What a message is worth when there is not room for all: the first is kept longest and sent
/// first.
enum class Lane : std::uint8_t { events, metadata, metrics };
inline constexpr std::size_t lane_count = 3;

/// One message for the broker.
struct KafkaMessage {
  Lane lane = Lane::events;
  std::string topic;
  /// Messages of one key stay in order.
  std::string key;
  std::string payload;
  /// What the payload is, as its header says: "event/1".
  std::string schema;
  /// Of this producer and epoch; a repeated delivery has the same.
  std::uint64_t sequence = 0;
};

/// Holds messages until the broker has confirmed them, within a limit of bytes. Beyond it the
/// oldest waiting metrics are dropped, then metadata, and events only when nothing else is left;
/// each counted.
class DeliveryQueue {
 public:
  struct Limits {
    /// Everything: waiting and in flight.
    std::size_t total_bytes = 0;
    /// In flight; metrics may take a quarter of it, so that events never queue behind them.
    std::size_t flight_bytes = 0;
  };

  explicit DeliveryQueue(Limits limits) : limits_(limits) {}

  /// Gives the message its sequence and lets it wait.
  void add(KafkaMessage message);
  /// The message to send next, now in flight; it stays where it is until its outcome is told.
  /// Nothing when none waits or enough are in flight.
  const KafkaMessage* launch();
  /// The broker has it.
  void delivered(std::uint64_t sequence);
  /// It did not get there: it waits again, in its old place.
  void returned(std::uint64_t sequence);
  /// It never will (too large, …): dropped and counted.
  void refused(std::uint64_t sequence);
  /// The producer is gone: everything in flight waits again.
  void return_all();
  /// Gives up on everything and says how many that were.
  std::uint64_t abandon();

  [[nodiscard]] std::size_t waiting(Lane lane) const { return waiting_[index(lane)].size(); }
  [[nodiscard]] std::size_t in_flight() const { return flight_.size(); }
  [[nodiscard]] std::size_t outstanding() const;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t delivered_count() const { return delivered_; }
  /// Dropped for want of room.
  [[nodiscard]] std::uint64_t dropped_full(Lane lane) const { return dropped_full_[index(lane)]; }
  [[nodiscard]] std::uint64_t dropped_refused() const { return dropped_refused_; }
  /// Undelivered at the end.
  [[nodiscard]] std::uint64_t dropped_stopping() const { return dropped_stopping_; }

 private:
  // Ordered by sequence; nodes move between the maps, so that payloads stay where librdkafka reads
  // them.
  using Messages = std::map<std::uint64_t, KafkaMessage>;

  static constexpr std::size_t index(Lane lane) { return static_cast<std::size_t>(lane); }
  void make_room();
  [[nodiscard]] bool may_launch(Lane lane) const;
  void leave_flight(Messages::iterator at);

  Limits limits_;
  std::array<Messages, lane_count> waiting_;
  Messages flight_;
  std::size_t bytes_ = 0;
  std::size_t flight_bytes_ = 0;
  std::size_t flight_metric_bytes_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t delivered_ = 0;
  std::array<std::uint64_t, lane_count> dropped_full_{};
  std::uint64_t dropped_refused_ = 0;
  std::uint64_t dropped_stopping_ = 0;
};

}  // namespace gala::kafka_sink
