// Baseline: bounded, spread over its time, robust.
#include "runtime/judge/baseline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace gala {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t second = 1'000'000'000;

Baseline after(int windows, double (*value)(int), Duration span = 10min) {
  Baseline baseline;
  for (int i = 0; i < windows; ++i) {
    baseline.learn({log_of(value(i))}, second, {span});
  }
  return baseline;
}

TEST(Baseline, IsWarmAfterItsTimeAndAFewPoints) {
  EXPECT_FALSE(after(29, [](int) { return 1.0; }).is_warm({10min, 30s}));
  EXPECT_TRUE(after(30, [](int) { return 1.0; }).is_warm({10min, 30s}));
  EXPECT_FALSE(after(3, [](int) { return 1.0; }).is_warm({10min}));
}

TEST(Baseline, IgnoresAFewOutliers) {
  Baseline baseline = after(100, [](int i) { return i % 20 == 0 ? 50.0 : 1.0; });
  EXPECT_FLOAT_EQ(baseline.reference().median, 0);
  EXPECT_FLOAT_EQ(baseline.reference().high, 0);
  EXPECT_LE(baseline.reference().noise, 0.03F);
}

TEST(Baseline, KnowsBothOfTwoLevels) {
  Baseline baseline = after(600, [](int i) { return i / 60 % 2 == 0 ? 1.0 : 4.0; });
  EXPECT_NEAR(baseline.reference().low, 0, 0.01);
  EXPECT_NEAR(baseline.reference().high, std::log(4), 0.01);
  EXPECT_LE(baseline.reference().noise, 0.03F);
}

// The noise is measured between neighbours, so a ramp is no noise.
TEST(Baseline, SeparatesARampFromNoise) {
  Baseline baseline = after(600, [](int i) { return std::exp(i * 0.005); });
  EXPECT_LE(baseline.reference().noise, 0.05F);
  EXPECT_NEAR(baseline.reference().high, 600 * 0.005 * 0.9, 0.2);
}

TEST(Baseline, MeasuresTheNoiseOfANormalDistribution) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.3F);
  Baseline baseline;
  for (int i = 0; i < 2000; ++i) {
    baseline.learn({normal(random)}, second, {10min});
  }
  EXPECT_NEAR(baseline.reference().noise, 0.3, 0.1);
  EXPECT_NEAR(baseline.reference().high, 0.3 * 1.28, 0.15);
}

// After the span only the new level is left; the time before is forgotten.
TEST(Baseline, ForgetsWhatIsOlderThanItsSpan) {
  Baseline baseline = after(2000, [](int i) { return i < 1000 ? 1.0 : 10.0; });
  EXPECT_NEAR(baseline.reference().low, std::log(10), 0.01);
}

TEST(Baseline, KeepsMostOfItsSpan) {
  Baseline baseline = after(2000, [](int i) { return i < 1700 ? 1.0 : 10.0; });
  EXPECT_NEAR(baseline.reference().low, 0, 0.01);
  EXPECT_NEAR(baseline.reference().high, std::log(10), 0.01);
}

// Thirty seconds in ten minutes at a higher level are remembered; spikes of one window are not.
TEST(Baseline, RemembersWhatWasSustained) {
  Baseline kept_up = after(600, [](int i) { return i >= 300 && i < 350 ? 5.0 : 1.0; });
  EXPECT_NEAR(kept_up.reference().sustained, std::log(5), 0.01);
  EXPECT_NEAR(kept_up.reference().high, 0, 0.01);
  Baseline spikes = after(600, [](int i) { return i % 10 == 0 ? 5.0 : 1.0; });
  EXPECT_NEAR(spikes.reference().sustained, 0, 0.01);
}

TEST(Baseline, SkipsTheTimeToSettle) {
  Baseline baseline;
  for (int i = 0; i < 30; ++i) {
    baseline.learn({i < 15 ? 9.0F : 1.0F}, second, {10min, 30s});
  }
  EXPECT_TRUE(baseline.is_warm({10min, 30s}));
  EXPECT_FLOAT_EQ(baseline.reference().high, 1.0F);
}

TEST(Baseline, ManagesChangingWindowLengths) {
  Baseline baseline;
  for (const std::uint64_t length : {second, 10 * second, second / 10, 100 * second}) {
    for (int i = 0; i < 500; ++i) {
      baseline.learn({1.0F}, length, {10min});
    }
  }
  EXPECT_FLOAT_EQ(baseline.reference().median, 1.0F);
}

TEST(Baseline, TakesNothingAndNonsenseForTheSmallestAmount) {
  EXPECT_EQ(log_of(0), log_of(-1));
  EXPECT_EQ(log_of(std::nan("")), log_of(0));
  EXPECT_TRUE(std::isfinite(log_of(1e308)));
  // So that people read "usual is 0 s", not the smallest amount.
  EXPECT_EQ(amount_of(double{log_of(0)}), 0);
  EXPECT_NEAR(amount_of(double{log_of(0.25)}), 0.25, 1e-6);
}

}  // namespace
}  // namespace gala
