// Robust figures.
#include "stages/infer/robust.h"

#include <gtest/gtest.h>

namespace gala::infer {
namespace {

TEST(Robust, IgnoresAFewOutliers) {
  const Robust robust = robust_of({10, 11, 9, 10, 10, 12, 9, 10, 11, 1000});
  EXPECT_NEAR(robust.median, 10, 0.5);
  EXPECT_LT(robust.spread, 5);
}

TEST(Robust, SeesTheRangeOfASeriesThatIsMostlyZero) {
  EXPECT_GT(robust_of({0, 0, 0, 0, 0, 9, 9, 0, 9, 0}).spread, 3);
}

TEST(Robust, KnowsNoSpreadOfAConstant) {
  EXPECT_DOUBLE_EQ(robust_of({4, 4, 4}).spread, 0);
  EXPECT_DOUBLE_EQ(robust_of({4}).median, 4);
}

TEST(Robust, FloorsTheSpreadByWhatTheSeriesIsOrBecame) {
  EXPECT_DOUBLE_EQ(spread_floor(0, 40), 2);
  EXPECT_DOUBLE_EQ(spread_floor(100, 40), 5);
  EXPECT_GT(spread_floor(0, 0), 0);
}

TEST(Robust, InterpolatesQuantiles) {
  const std::vector<double> sorted{1, 2, 3, 4, 5};
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 0.5), 3);
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 1), 5);
  EXPECT_DOUBLE_EQ(sorted_quantile(sorted, 0.125), 1.5);
}

}  // namespace
}  // namespace gala::infer
