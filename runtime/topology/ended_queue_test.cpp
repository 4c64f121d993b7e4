// What ended is forgotten in order, and not when it came back.
#include "runtime/topology/ended_queue.h"

#include <gtest/gtest.h>

namespace gala {
namespace {

using namespace std::chrono_literals;

TEST(EndedQueue, GivesWhatEndedBeforeATime) {
  EndedQueue<int> queue;
  queue.add(1, BootTime{10s});
  queue.add(2, BootTime{20s});
  EXPECT_FALSE(queue.take_before(BootTime{10s}));
  EXPECT_EQ(queue.take_before(BootTime{20s}), 1);
  EXPECT_FALSE(queue.take_before(BootTime{20s}));
  EXPECT_EQ(queue.size(), 1U);
}

TEST(EndedQueue, CountsTheTimeFromTheLatestEnd) {
  EndedQueue<int> queue;
  queue.add(1, BootTime{10s});
  queue.remove(1);
  queue.add(1, BootTime{20s});
  EXPECT_FALSE(queue.take_before(BootTime{15s}));
  EXPECT_EQ(queue.take_before(BootTime{21s}), 1);
}

// Something that ends and comes back all the time must not fill the memory.
TEST(EndedQueue, StaysSmallUnderChurn) {
  EndedQueue<int> queue;
  for (int i = 0; i < 10'000; ++i) {
    queue.add(i % 3, BootTime{10s});
    queue.remove(i % 3);
  }
  queue.add(7, BootTime{10s});
  EXPECT_LT(queue.places(), 200U);
  EXPECT_EQ(queue.take_before(BootTime{11s}), 7);
  EXPECT_FALSE(queue.take_before(BootTime{11s}));
}

}  // namespace
}  // namespace gala
