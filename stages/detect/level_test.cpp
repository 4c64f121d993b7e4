// Levels, scales, seasons and planes: what is expected of each metric.
#include "stages/detect/level.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>

#include "stages/detect/incremental_pca.h"
#include "stages/detect/seasonal.h"

namespace gala::detect {
namespace {

TEST(ResidualScale, IsOneForItsOwnErrors) {
  ResidualScale scale(1);
  std::mt19937 random(1);
  std::normal_distribution<double> noise(0, 3);
  double squares = 0;
  for (int i = 1; i <= 4000; ++i) {
    const double error = noise(random);
    const double z = scale.standardise(0, error, 100);
    squares += i > 2000 ? z * z / 2000 : 0;
    scale.learn(0, error, 100, std::max(1e-3, 1.0 / i));
  }
  EXPECT_NEAR(squares, 1, 0.15);
}

TEST(ResidualScale, TakesTheFirstMoveOfAConstantForAFarOne) {
  ResidualScale scale(1);
  for (int i = 1; i <= 100; ++i) {
    scale.learn(0, 0, 5, 1.0 / i);
  }
  EXPECT_EQ(scale.standardise(0, 1, 6), ResidualScale::most);
  // A change of a ten thousandth is rounding.
  EXPECT_LT(scale.standardise(0, 0.0005, 5.0005), 1);
}

TEST(Level, ExpectsTheSlowLevelAndFollowsWithTheFastOne) {
  Level level(1, {0.2, 500});
  for (int i = 0; i < 1000; ++i) {
    level.learn(0, 10 + 0.1 * std::sin(i), 1e-3);
    level.next_row(true);
  }
  for (int i = 0; i < 30; ++i) {
    level.learn(0, 20, 0);
    level.next_row(false);
  }
  EXPECT_NEAR(level.expected(0), 10, 0.05);
  EXPECT_NEAR(level.error(0, 20), 0, 0.1);
  level.accept();
  EXPECT_NEAR(level.expected(0), 20, 0.1);
}

TEST(Seasonal, KnowsTheTimeOfTheDayAfterTwoDays) {
  Seasonal seasonal(1);
  const auto value_at = [](double wall_s) { return 100 + 50 * std::sin(wall_s / 86'400 * 6.2832); };
  double wall_s = 1.7e9;
  for (int i = 0; i < 3 * 288; ++i, wall_s += 300) {
    if (i < 288) {
      EXPECT_FALSE(seasonal.ready());
      EXPECT_EQ(seasonal.error(0, 5000, wall_s), 0);
    }
    seasonal.learn(0, value_at(wall_s), wall_s, 1e-3);
    seasonal.next_row(wall_s);
  }
  ASSERT_TRUE(seasonal.ready());
  for (int i = 0; i < 288; i += 13) {
    EXPECT_NEAR(seasonal.expected(0, wall_s + 300 * i), value_at(wall_s + 300 * i), 5);
  }
}

TEST(Seasonal, ToleratesAClockThatStepsBack) {
  Seasonal seasonal(1);
  for (const double wall_s : {1.7e9, 1.6e9, -5.0, 1e12, 1.7e9}) {
    seasonal.learn(0, 1, wall_s, 0.1);
    seasonal.next_row(wall_s);
    EXPECT_TRUE(std::isfinite(seasonal.error(0, 2, wall_s)));
  }
}

TEST(IncrementalPca, FindsThePlaneAndWhatLeavesIt) {
  IncrementalPca plane(4, 1, 5000);
  std::mt19937 random(3);
  std::normal_distribution<double> noise;
  for (int i = 0; i < 3000; ++i) {
    const double common = noise(random);
    const std::array<double, 4> row{common + 0.05 * noise(random), 2 * common + 0.1 * noise(random),
                                    -common + 0.05 * noise(random), common + 0.05 * noise(random)};
    plane.judge(row);
    plane.learn(row, 1);
  }
  const std::array<double, 4> on_it{3, 6, -3, 3};
  EXPECT_LT(plane.judge(on_it).norm(), 0.5);
  const std::array<double, 4> off_it{3, -6, -3, 3};
  EXPECT_GT(plane.judge(off_it).norm(), 5);
}

}  // namespace
}  // namespace gala::detect
