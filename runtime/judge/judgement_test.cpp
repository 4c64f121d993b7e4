// Limits with hysteresis, and deviation from a baseline, one value at a time.
#include "runtime/judge/judgement.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gala {
namespace {

Check above(double limit, std::optional<double> clear = {}) {
  Check check;
  check.above = limit;
  check.clear = clear;
  return check;
}

Check below(double limit, std::optional<double> clear = {}) {
  Check check;
  check.below = limit;
  check.clear = clear;
  return check;
}

TEST(JudgeLimit, IsAbnormalBeyondTheLimitOnly) {
  EXPECT_EQ(judge_limit(above(90), 90).verdict, Verdict::normal);
  EXPECT_EQ(judge_limit(above(90), 90.1).verdict, Verdict::abnormal);
  EXPECT_EQ(judge_limit(below(5), 5).verdict, Verdict::normal);
  EXPECT_EQ(judge_limit(below(5), 4.9).verdict, Verdict::abnormal);
}

TEST(JudgeLimit, HasABandDownToClear) {
  EXPECT_EQ(judge_limit(above(90, 80), 85).verdict, Verdict::between);
  EXPECT_EQ(judge_limit(above(90, 80), 80).verdict, Verdict::normal);
  EXPECT_EQ(judge_limit(below(5, 10), 7).verdict, Verdict::between);
  EXPECT_EQ(judge_limit(below(5, 10), 10).verdict, Verdict::normal);
}

TEST(JudgeLimit, WatchesBothSides) {
  Check check = above(90, 80);
  check.below = 10;
  EXPECT_EQ(judge_limit(check, 50).verdict, Verdict::normal);
  EXPECT_EQ(judge_limit(check, 95).direction, wire::Direction::high);
  const Judgement low = judge_limit(check, 5);
  EXPECT_EQ(low.verdict, Verdict::abnormal);
  EXPECT_EQ(low.direction, wire::Direction::low);
  EXPECT_EQ(low.limit, 10);
  EXPECT_EQ(low.score, 2);
}

// 1 = just at the limit; always finite, also without a scale (limit 0) and beyond all measure.
TEST(JudgeLimit, ScoresHowFarBeyond) {
  EXPECT_DOUBLE_EQ(judge_limit(above(50), 100).score, 2);
  EXPECT_GT(judge_limit(above(0), 3).score, 1);
  EXPECT_GT(judge_limit(below(5), 0).score, 1);
  EXPECT_GT(judge_limit(below(0), -1).score, 1);
  EXPECT_TRUE(std::isfinite(judge_limit(above(1e-300), 1e300).score));
  EXPECT_TRUE(std::isfinite(judge_limit(below(1e300), 1e-300).score));
}

Check deviation() {
  Check check;
  check.kind = Check::Kind::deviation;
  check.factor = 4;
  check.least_change = 1;
  return check;
}

/// Everything at 1 ms with this noise, 100 requests a second, 0.1 in flight.
Reference steady(float noise = 0.02F) {
  const float usual = log_of(0.001);
  return {.median = usual,
          .low = usual - 0.05F,
          .high = usual + 0.05F,
          .sustained = usual + 0.02F,
          .noise = noise,
          .rate_median = log_of(100),
          .rate_high = log_of(110),
          .in_flight_low = log_of(0.09)};
}

BaselinePoint at(double value, double rate = 100, double in_flight = 0.1) {
  return {log_of(value), log_of(rate), log_of(in_flight)};
}

TEST(JudgeDeviation, NeedsALargeEnoughChange) {
  EXPECT_EQ(judge_deviation(deviation(), steady(), at(0.0019)).verdict, Verdict::between);
  EXPECT_EQ(judge_deviation(deviation(), steady(), at(0.0021)).verdict, Verdict::abnormal);
  EXPECT_EQ(judge_deviation(deviation(), steady(), at(0.0012)).verdict, Verdict::normal);
}

TEST(JudgeDeviation, NeedsToLeaveTheNoise) {
  EXPECT_EQ(judge_deviation(deviation(), steady(0.4F), at(0.0025)).verdict, Verdict::between);
  EXPECT_EQ(judge_deviation(deviation(), steady(0.4F), at(0.0040)).verdict, Verdict::abnormal);
}

TEST(JudgeDeviation, AllowsForTheNoiseOfFewRequests) {
  EXPECT_EQ(judge_deviation(deviation(), steady(0.1F), at(0.003, 100)).verdict, Verdict::abnormal);
  EXPECT_NE(judge_deviation(deviation(), steady(0.1F), at(0.003, 2)).verdict, Verdict::abnormal);
}

TEST(JudgeDeviation, NeedsToBePastTheFloor) {
  Check check = deviation();
  check.above = 0.005;
  EXPECT_NE(judge_deviation(check, steady(), at(0.004)).verdict, Verdict::abnormal);
  EXPECT_EQ(judge_deviation(check, steady(), at(0.006)).verdict, Verdict::abnormal);
}

TEST(JudgeDeviation, ExcusesMoreLoadAndLessWork) {
  EXPECT_EQ(judge_deviation(deviation(), steady(), at(0.003, 100, 0.3)).verdict, Verdict::abnormal);
  EXPECT_NE(judge_deviation(deviation(), steady(), at(0.003, 300, 0.9)).verdict, Verdict::abnormal);
  EXPECT_NE(judge_deviation(deviation(), steady(), at(0.003, 10, 0.03)).verdict, Verdict::abnormal);
}

// What was kept up for some time before is usual, even when it was rare.
TEST(JudgeDeviation, AllowsWhatWasSustainedBefore) {
  Reference reference = steady();
  reference.sustained = log_of(0.002);
  EXPECT_NE(judge_deviation(deviation(), reference, at(0.0025)).verdict, Verdict::abnormal);
  EXPECT_EQ(judge_deviation(deviation(), reference, at(0.0030)).verdict, Verdict::abnormal);
}

// Clients that wait for their answers send less to a slow server: as much in flight, no excuse.
TEST(JudgeDeviation, DoesNotExcuseASlowServerThatIsAskedLess) {
  EXPECT_EQ(judge_deviation(deviation(), steady(), at(0.003, 33, 0.1)).verdict, Verdict::abnormal);
}

TEST(JudgeDeviation, WatchesTheLowSideToo) {
  Check check = deviation();
  check.direction = wire::Direction::low;
  check.least_change = 0.6;
  EXPECT_EQ(judge_deviation(check, steady(), at(0.0005)).verdict, Verdict::between);
  EXPECT_EQ(judge_deviation(check, steady(), at(0.0003)).verdict, Verdict::abnormal);
  EXPECT_EQ(judge_deviation(check, steady(), at(0.01)).verdict, Verdict::normal);
}

TEST(JudgeDeviation, GivesFiniteNumbersForAnything) {
  for (const double value : {0.0, 1e-300, 1e300}) {
    for (const double rate : {0.0, 1e300}) {
      const Judgement judgement = judge_deviation(deviation(), steady(), at(value, rate, rate));
      EXPECT_TRUE(std::isfinite(judgement.score));
      EXPECT_TRUE(std::isfinite(judgement.limit));
      EXPECT_TRUE(std::isfinite(judgement.expected_high));
    }
  }
  Reference unknown;
  EXPECT_TRUE(std::isfinite(judge_deviation(deviation(), unknown, {1.0F}).score));
}

}  // namespace
}  // namespace gala
