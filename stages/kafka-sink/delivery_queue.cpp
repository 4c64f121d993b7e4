// Lanes, limits and what happens to a message until its delivery is confirmed.
#include "stages/kafka-sink/delivery_queue.h"

#include <utility>

namespace gala::kafka_sink {
namespace {

/// What one message costs beside its texts: our node, librdkafka's, its headers.
constexpr std::size_t overhead_bytes = 512;

std::size_t cost(const KafkaMessage& message) {
  return message.payload.size() + message.key.size() + message.topic.size() + overhead_bytes;
}

}  // namespace

void DeliveryQueue::add(KafkaMessage message) {
  message.sequence = ++last_sequence_;
  bytes_ += cost(message);
  auto& lane = waiting_[index(message.lane)];
  lane.emplace_hint(lane.end(), message.sequence, std::move(message));
  make_room();
}

void DeliveryQueue::make_room() {
  for (std::size_t lane = lane_count; lane-- > 0;) {
    while (bytes_ > limits_.total_bytes && !waiting_[lane].empty()) {
      bytes_ -= cost(waiting_[lane].begin()->second);
      waiting_[lane].erase(waiting_[lane].begin());
      ++dropped_full_[lane];
    }
  }
}

bool DeliveryQueue::may_launch(Lane lane) const {
  return flight_bytes_ < limits_.flight_bytes &&
         (lane != Lane::metrics || flight_metric_bytes_ < limits_.flight_bytes / 4);
}

const KafkaMessage* DeliveryQueue::launch() {
  for (std::size_t lane = 0; lane < lane_count; ++lane) {
    Messages& messages = waiting_[lane];
    if (messages.empty() || !may_launch(static_cast<Lane>(lane))) {
      continue;
    }
    const auto placed = flight_.insert(messages.extract(messages.begin())).position;
    const KafkaMessage& message = placed->second;
    flight_bytes_ += cost(message);
    flight_metric_bytes_ += message.lane == Lane::metrics ? cost(message) : 0;
    return &message;
  }
  return nullptr;
}

void DeliveryQueue::leave_flight(Messages::iterator at) {
  const KafkaMessage& message = at->second;
  flight_bytes_ -= cost(message);
  flight_metric_bytes_ -= message.lane == Lane::metrics ? cost(message) : 0;
}

void DeliveryQueue::delivered(std::uint64_t sequence) {
  if (const auto at = flight_.find(sequence); at != flight_.end()) {
    leave_flight(at);
    bytes_ -= cost(at->second);
    flight_.erase(at);
    ++delivered_;
  }
}

void DeliveryQueue::returned(std::uint64_t sequence) {
  if (const auto at = flight_.find(sequence); at != flight_.end()) {
    leave_flight(at);
    Messages& lane = waiting_[index(at->second.lane)];
    lane.insert(flight_.extract(at));
    make_room();
  }
}

void DeliveryQueue::refused(std::uint64_t sequence) {
  if (const auto at = flight_.find(sequence); at != flight_.end()) {
    leave_flight(at);
    bytes_ -= cost(at->second);
    flight_.erase(at);
    ++dropped_refused_;
  }
}

void DeliveryQueue::return_all() {
  while (!flight_.empty()) {
    returned(flight_.begin()->first);
  }
}

std::size_t DeliveryQueue::outstanding() const {
  std::size_t count = flight_.size();
  for (const Messages& lane : waiting_) {
    count += lane.size();
  }
  return count;
}

std::uint64_t DeliveryQueue::abandon() {
  const std::uint64_t count = outstanding();
  for (Messages& lane : waiting_) {
    lane.clear();
  }
  flight_.clear();
  bytes_ = flight_bytes_ = flight_metric_bytes_ = 0;
  dropped_stopping_ += count;
  return count;
}

}  // namespace gala::kafka_sink
