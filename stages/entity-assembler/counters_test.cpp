// Differences, wraps, resets, and the maximum of a window.
#include "stages/entity-assembler/counters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gala::entity_assembler {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Difference, IsNothingWithoutAnEarlierReading) {
  EXPECT_EQ(difference(not_measured, 5).kind, Difference::Kind::nothing);
  EXPECT_EQ(difference(5, not_measured).kind, Difference::Kind::nothing);
  EXPECT_TRUE(std::isnan(difference(not_measured, 5).value));
}

TEST(Difference, TellsAWrapFromAReset) {
  EXPECT_EQ(difference(4'294'967'290.0, 4).value, 10);
  EXPECT_EQ(difference(4'294'967'290.0, 4).kind, Difference::Kind::wrapped);
  EXPECT_EQ(difference(1'000'000, 4).kind, Difference::Kind::reset);
  EXPECT_EQ(difference(1e15, 4).kind, Difference::Kind::reset) << "wider than 32 bits";
}

TEST(BucketDifference, FollowsASumOfWrappingCounters) {
  const std::uint64_t before = 3 * (std::uint64_t{1} << 32) - 2;
  EXPECT_EQ(bucket_difference(before, before + 5 - (std::uint64_t{1} << 32)).value, 5U);
  EXPECT_TRUE(bucket_difference(1000, 3).reset);
  EXPECT_EQ(bucket_difference(7, 7).value, 0U);
}

TEST(WindowMaximum, StaysInsideTheHighestBucketThatGrew) {
  const std::vector<double> bounds{1, 10, infinity};
  const std::vector<std::uint64_t> middle{3, 1, 0};
  EXPECT_EQ(window_maximum(middle, bounds, 500), 10);
  EXPECT_EQ(window_maximum(middle, bounds, 4), 4);
  EXPECT_EQ(window_maximum(middle, bounds, 0), 1);
  const std::vector<std::uint64_t> top{0, 0, 1};
  EXPECT_EQ(window_maximum(top, bounds, 500), 500);
  EXPECT_EQ(window_maximum(top, bounds, not_measured), 10);
  const std::vector<std::uint64_t> none{0, 0, 0};
  EXPECT_EQ(window_maximum(none, bounds, 500), 0);
}

}  // namespace
}  // namespace gala::entity_assembler
