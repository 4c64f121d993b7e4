// The queue keeps what matters, in order, within its limit, and counts all else.
#include "stages/kafka-sink/delivery_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gala::kafka_sink {
namespace {

KafkaMessage message(Lane lane, std::string payload = "x") {
  return {lane, "topic", "key", std::move(payload), "event/1", 0};
}

/// Room for about `count` small messages, all of which may fly.
DeliveryQueue::Limits room_for(std::size_t count) { return {count * 521, count * 521}; }

std::vector<std::uint64_t> launch_all(DeliveryQueue& queue) {
  std::vector<std::uint64_t> sequences;
  while (const KafkaMessage* next = queue.launch()) {
    sequences.push_back(next->sequence);
  }
  return sequences;
}

TEST(DeliveryQueue, SendsEventsBeforeMetrics) {
  DeliveryQueue queue(room_for(100));
  queue.add(message(Lane::metrics));
  queue.add(message(Lane::metadata));
  queue.add(message(Lane::events));
  EXPECT_THAT(launch_all(queue), testing::ElementsAre(3, 2, 1));
}

TEST(DeliveryQueue, ForgetsAMessageOnlyWhenItWasDelivered) {
  DeliveryQueue queue(room_for(10));
  queue.add(message(Lane::events));
  queue.launch();
  EXPECT_EQ(queue.outstanding(), 1U);
  queue.delivered(1);
  EXPECT_EQ(queue.outstanding(), 0U);
  EXPECT_EQ(queue.bytes(), 0U);
  EXPECT_EQ(queue.delivered_count(), 1U);
}

TEST(DeliveryQueue, KeepsTheOrderOfWhatComesBack) {
  DeliveryQueue queue(room_for(10));
  for (int i = 0; i < 3; ++i) {
    queue.add(message(Lane::events));
  }
  launch_all(queue);
  queue.returned(2);
  queue.returned(1);
  queue.return_all();
  EXPECT_THAT(launch_all(queue), testing::ElementsAre(1, 2, 3));
}

// The payload is read by librdkafka until its report: it must not move meanwhile.
TEST(DeliveryQueue, LeavesPayloadsInPlace) {
  DeliveryQueue queue(room_for(100));
  queue.add(message(Lane::events, "short"));
  const KafkaMessage* flying = queue.launch();
  const char* payload = flying->payload.data();
  for (int i = 0; i < 50; ++i) {
    queue.add(message(Lane::events));
    queue.launch();
  }
  EXPECT_EQ(flying->payload.data(), payload);
  EXPECT_EQ(flying->payload, "short");
}

TEST(DeliveryQueue, DropsTheOldestMetricsFirst) {
  DeliveryQueue queue(room_for(3));
  queue.add(message(Lane::metrics));
  queue.add(message(Lane::metrics));
  for (int i = 0; i < 3; ++i) {
    queue.add(message(Lane::events));
  }
  EXPECT_EQ(queue.dropped_full(Lane::metrics), 2U);
  EXPECT_EQ(queue.dropped_full(Lane::events), 0U);
  EXPECT_EQ(queue.waiting(Lane::events), 3U);
}

TEST(DeliveryQueue, DropsEventsOnlyWhenNothingElseIsLeft) {
  DeliveryQueue queue(room_for(3));
  queue.add(message(Lane::metadata));
  for (int i = 0; i < 4; ++i) {
    queue.add(message(Lane::events));
  }
  EXPECT_EQ(queue.dropped_full(Lane::metadata), 1U);
  EXPECT_EQ(queue.dropped_full(Lane::events), 1U);
  EXPECT_LE(queue.bytes(), 3U * 521);
}

TEST(DeliveryQueue, LeavesRoomInFlightForEvents) {
  DeliveryQueue queue(room_for(40));
  for (int i = 0; i < 20; ++i) {
    queue.add(message(Lane::metrics));
  }
  EXPECT_EQ(launch_all(queue).size(), 10U);
  queue.add(message(Lane::events));
  EXPECT_EQ(launch_all(queue), std::vector<std::uint64_t>{21});
}

TEST(DeliveryQueue, CountsWhatIsRefusedAndWhatIsLeftAtTheEnd) {
  DeliveryQueue queue(room_for(10));
  for (int i = 0; i < 3; ++i) {
    queue.add(message(Lane::events));
  }
  queue.launch();
  queue.refused(1);
  queue.launch();
  EXPECT_EQ(queue.abandon(), 2U);
  EXPECT_EQ(queue.dropped_refused(), 1U);
  EXPECT_EQ(queue.dropped_stopping(), 2U);
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(DeliveryQueue, IgnoresReportsOfWhatItDoesNotHold) {
  DeliveryQueue queue(room_for(10));
  queue.delivered(7);
  queue.returned(7);
  queue.refused(7);
  EXPECT_EQ(queue.delivered_count(), 0U);
}

}  // namespace
}  // namespace gala::kafka_sink
