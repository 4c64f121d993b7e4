// Vector regression and autoregression: they find the law that made a series, and survive none.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "stages/detect/autoregression.h"
#include "stages/detect/vector_regression.h"

namespace gala::detect {
namespace {

/// Two metrics of which the second follows the first one row later.
std::array<double, 2> coupled(std::mt19937& random, double& first) {
  std::normal_distribution<double> noise;
  const double before = first;
  first = 0.9 * first + noise(random);
  return {first, 5 * before + 0.1 * noise(random)};
}

TEST(VectorRegression, ForecastsAMetricFromAnotherOne) {
  VectorRegression regression({.metrics = 2});
  std::mt19937 random(1);
  double first = 0;
  double squares = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto row = coupled(random, first);
    const double error = regression.judge(row)(1, 0);
    squares += i >= 2000 ? error * error / 2000 : 0;
    regression.learn(row, 1);
  }
  // Noise alone is 0.1, the metric itself varies by 11; the ridge leaves something between.
  EXPECT_LT(std::sqrt(squares), 0.8);
  EXPECT_NEAR(regression.learned(), 4000, 900);
}

TEST(VectorRegression, StartsAsTheLastValueAndNeverExplodes) {
  VectorRegression regression({.metrics = 3, .horizons = {1, 4}});
  std::mt19937 random(2);
  std::normal_distribution<double> noise(1e9, 1);
  for (int i = 0; i < 500; ++i) {
    const std::array<double, 3> row{noise(random), 7, i % 2 == 0 ? 1e-9 : -1e12};
    EXPECT_TRUE(regression.judge(row).allFinite());
    if (i > 50) {
      EXPECT_LT(std::abs(regression.judge(row)(0, 0)), 1e3);
    }
    regression.learn(row, 1);
  }
}

TEST(VectorRegression, LearnsNothingFromRowsWithoutWeight) {
  VectorRegression regression({.metrics = 1, .lags = 2});
  for (int i = 0; i < 200; ++i) {
    const std::array<double, 1> row{std::sin(i * 0.3)};
    regression.judge(row);
    regression.learn(row, 1);
  }
  const double learned = regression.learned();
  for (int i = 0; i < 50; ++i) {
    const std::array<double, 1> row{1000};
    regression.judge(row);
    regression.learn(row, 0);
  }
  EXPECT_LE(regression.learned(), learned);
}

TEST(VectorRegression, AGapBreaksTheForecastOnly) {
  VectorRegression regression({.metrics = 1});
  std::array<double, 1> row{0};
  for (int i = 0; i < 100; ++i) {
    row[0] = i;
    regression.judge(row);
    regression.learn(row, 1);
  }
  regression.interrupt();
  row[0] = 5000;
  EXPECT_EQ(regression.judge(row)(0, 0), 0);
  EXPECT_GT(regression.learned(), 90);
}

TEST(Autoregression, ForecastsASineExactly) {
  Autoregression forecast(1, 1000);
  double worst = 0;
  for (int i = 0; i < 2000; ++i) {
    const double value = 10 + 3 * std::sin(i * 0.2);
    worst = i > 1000 ? std::max(worst, std::abs(forecast.error(0, value))) : 0;
    forecast.learn(0, value, 1);
  }
  EXPECT_LT(worst, 0.05);
}

TEST(Autoregression, IsSmallAndStaysFinite) {
  EXPECT_LE(Autoregression::bytes_per_metric(), 200U);
  Autoregression forecast(1, 100);
  for (int i = 0; i < 5000; ++i) {
    // Constant for long, then wild: what lets a recursive inverse explode.
    const double value = i % 1000 < 900 ? 4 : (i % 2 == 0 ? 1e12 : -1e12);
    EXPECT_TRUE(std::isfinite(forecast.error(0, value)));
    forecast.learn(0, value, 1);
  }
}

TEST(Autoregression, ComesBackFromBytes) {
  Autoregression before(2, 100);
  for (int i = 0; i < 100; ++i) {
    before.learn(0, i, 1);
    before.learn(1, std::sqrt(i), 1);
  }
  MemoryBuilder builder;
  builder.Finish(before.save(builder));
  const auto* kept = flatbuffers::GetRoot<memory::KeptAutoregression>(builder.GetBufferPointer());
  Autoregression after(2, 100);
  ASSERT_TRUE(after.load(kept));
  before.interrupt();
  for (int i = 100; i < 110; ++i) {
    EXPECT_EQ(before.error(0, i), after.error(0, i));
    before.learn(0, i, 1);
    after.learn(0, i, 1);
  }
  Autoregression other(3, 100);
  EXPECT_FALSE(other.load(kept));
}

}  // namespace
}  // namespace gala::detect
