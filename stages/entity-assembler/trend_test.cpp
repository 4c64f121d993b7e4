// Slopes: exact on a line, unmoved by jumps, silent without enough samples.
#include "stages/entity-assembler/trend.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gala::entity_assembler {
namespace {

constexpr double span_s = 240;

TEST(Trend, FindsTheSlopeOfALineInSpiteOfJumps) {
  Trend trend;
  for (int i = 0; i <= 240; ++i) {
    const bool jump = i % 50 == 20;
    trend.add(i, 1000 + 3.0 * i + (jump ? 5000 : 0), span_s);
  }
  ASSERT_TRUE(trend.slope());
  EXPECT_NEAR(trend.slope()->per_second, 3.0, 0.2);
  EXPECT_GT(trend.slope()->agreement, 0.6);
}

TEST(Trend, SaysNothingBeforeHalfOfItsSpan) {
  Trend trend;
  for (int i = 0; i < 119; ++i) {
    trend.add(i, i, span_s);
    EXPECT_FALSE(trend.slope());
  }
  trend.add(125, 125, span_s);
  EXPECT_TRUE(trend.slope());
}

TEST(Trend, ForgetsWhatIsOlderThanItsSpan) {
  Trend trend;
  for (int i = 0; i <= 240; ++i) {
    trend.add(i, 10.0 * i, span_s);
  }
  for (int i = 241; i <= 700; ++i) {
    trend.add(i, 2400, span_s);
  }
  ASSERT_TRUE(trend.slope());
  EXPECT_EQ(trend.slope()->per_second, 0);
}

TEST(Trend, ASawToothIsNoLeak) {
  Trend trend;
  for (int i = 0; i <= 240; ++i) {
    trend.add(i, 1000.0 * (i % 60), span_s);
  }
  ASSERT_TRUE(trend.slope());
  EXPECT_EQ(seconds_until_used_up(*trend.slope(), 1e6, 1e9), 1e9);
}

TEST(Trend, TellsWhenTheRoomIsUsedUp) {
  EXPECT_EQ(seconds_until_used_up({.per_second = 10, .agreement = 1}, 500, 1e9), 50);
  EXPECT_EQ(seconds_until_used_up({.per_second = -10, .agreement = -1}, 500, 1e9), 1e9);
  EXPECT_EQ(seconds_until_used_up({.per_second = 1e-9, .agreement = 1}, 500, 100), 100);
  EXPECT_TRUE(std::isnan(seconds_until_used_up({.per_second = 1, .agreement = 1}, NAN, 1e9)));
}

TEST(Trend, NeedsTwoTimes) {
  EXPECT_FALSE(robust_slope({}));
  const TimedValue twice[] = {{1, 5}, {1, 6}};
  EXPECT_FALSE(robust_slope(twice));
}

}  // namespace
}  // namespace gala::entity_assembler
