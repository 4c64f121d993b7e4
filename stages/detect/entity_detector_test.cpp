// The fused score: quiet on normal rows, loud on odd ones, calibrated, and never broken by input.
#include "stages/detect/entity_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "stages/detect/model_memory.h"
#include "stages/detect/tail.h"

namespace gala::detect {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Tail, LimitIsExceededInAsManyRunsAsWanted) {
  // Scores that change little from row to row: each excess is one of a run of about ten.
  Tail tail;
  std::mt19937 random(1);
  std::normal_distribution<double> noise;
  double level = 0;
  const auto score = [&] {
    level = 0.95 * level + 0.312 * noise(random);
    return std::exp(0.5 * level);
  };
  for (int i = 0; i < 40'000; ++i) {
    tail.learn(score());
  }
  EXPECT_LT(tail.extremal_index(), 0.5);
  const double limit = tail.limit(1e-3);
  int rows = 0;
  int runs = 0;
  int since = 1000;
  for (int i = 0; i < 200'000; ++i) {
    ++since;
    if (score() > limit) {
      ++rows;
      runs += since > 10 ? 1 : 0;
      since = 0;
    }
  }
  EXPECT_GT(runs, 80);
  EXPECT_LT(runs, 400);
  EXPECT_GT(rows, 2 * runs);
}

TEST(Tail, LimitIsExceededAsOftenAsWanted) {
  Tail tail;
  std::mt19937 random(1);
  std::lognormal_distribution<double> score(0, 0.5);
  for (int i = 0; i < 20'000; ++i) {
    tail.learn(score(random));
  }
  const double limit = tail.limit(1e-3);
  int above = 0;
  for (int i = 0; i < 100'000; ++i) {
    above += score(random) > limit ? 1 : 0;
  }
  EXPECT_GT(above, 30);
  EXPECT_LT(above, 300);
  EXPECT_GT(tail.limit(1e-5), limit);
}

TEST(Tail, IsInfiniteWithoutAndFiniteWithConstantScores) {
  Tail tail;
  EXPECT_TRUE(std::isinf(tail.limit(1e-3)));
  for (int i = 0; i < 1000; ++i) {
    tail.learn(0);
  }
  EXPECT_TRUE(std::isfinite(tail.limit(1e-3)));
}

/// Three metrics with noise, the first two coupled.
std::array<double, 3> normal_row(std::mt19937& random) {
  std::normal_distribution<double> noise;
  const double common = noise(random);
  return {10 + common, 20 + 2 * common + 0.1 * noise(random), 5 + noise(random)};
}

DetectorShape three() {
  DetectorShape shape;
  shape.metrics = 3;
  return shape;
}

TEST(EntityDetector, BlamesTheMetricThatLeft) {
  EntityDetector detector(three());
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {
    detector.next(normal_row(random), i);
  }
  bool abnormal = false;
  for (int i = 0; i < 5; ++i) {
    auto row = normal_row(random);
    row[2] += 15;
    abnormal = detector.next(row, 2000 + i).abnormal() || abnormal;
  }
  EXPECT_TRUE(abnormal);
  EXPECT_EQ(detector.blamed(3).front(), 2U);
  EXPECT_NEAR(detector.expected(2), 5, 0.5);
  EXPECT_NEAR(detector.spread(2), 1, 0.4);
}

TEST(EntityDetector, ScoresNormalRowsAboutOne) {
  EntityDetector detector(three());
  std::mt19937 random(3);
  double sum = 0;
  int alarms = 0;
  for (int i = 0; i < 6000; ++i) {
    const RowFinding finding = detector.next(normal_row(random), i);
    if (i < static_cast<int>(detector.shape().warmup_rows) - 1) {
      EXPECT_TRUE(std::isinf(finding.limit));
    }
    sum += i >= 3000 ? finding.row_score / 3000 : 0;
    alarms += finding.abnormal() ? 1 : 0;
  }
  EXPECT_NEAR(sum, 1, 0.2);
  EXPECT_LT(alarms, 60);
}

/// Rows from the start of a lasting offset of one metric to the first alarm; 100 = none.
int rows_to_alarm(double offset) {
  EntityDetector detector(three());
  std::mt19937 random(2);
  for (int i = 0; i < 3000; ++i) {
    detector.next(normal_row(random), i);
  }
  for (int i = 0; i < 100; ++i) {
    std::array<double, 3> row = normal_row(random);
    row[2] += offset;
    if (detector.next(row, 3000 + i).abnormal()) {
      return i;
    }
  }
  return 100;
}

TEST(EntityDetector, AlarmsAtOnceOnAFarRowAndLaterOnANearOne) {
  EXPECT_LE(rows_to_alarm(15), 1);
  EXPECT_EQ(rows_to_alarm(0), 100);
  std::vector<int> waits;
  for (double offset = 2; offset < 6; offset += 0.25) {
    waits.push_back(rows_to_alarm(offset));
  }
  const auto waited = [](int rows) { return rows >= 5 && rows < 20; };
  EXPECT_TRUE(std::any_of(waits.begin(), waits.end(), waited));
}

TEST(EntityDetector, DoesNotLearnAnIncidentButAcceptsWhatStays) {
  EntityDetector detector(three());
  std::mt19937 random(4);
  for (int i = 0; i < 2000; ++i) {
    detector.next(normal_row(random), i);
  }
  for (int i = 0; i < 300; ++i) {
    auto row = normal_row(random);
    row[0] += i % 2 == 0 ? 30 : -30;
    detector.next(row, 2000 + i);
  }
  EXPECT_NEAR(detector.expected(0), 10, 0.5);
  EXPECT_LT(detector.spread(0), 2);
  detector.accept();
  EXPECT_EQ(detector.next(normal_row(random), 2300).row_score > 0, true);
}

TEST(EntityDetector, LearnsAgainWhenTheWorldHasChanged) {
  EntityDetector detector(three());
  std::mt19937 random(9);
  // A calm beginning must not make all that follows abnormal for ever.
  for (int i = 0; i < 200; ++i) {
    detector.next(std::array{10.0, 20 + 1e-3 * i, 5.0}, i);
  }
  int alarms = 0;
  for (int i = 200; i < 4000; ++i) {
    const bool abnormal = detector.next(normal_row(random), i).abnormal();
    alarms += abnormal && i >= 2000 ? 1 : 0;
  }
  EXPECT_LT(alarms, 100);
}

TEST(EntityDetector, SurvivesEveryKindOfBadInput) {
  for (const std::size_t metrics : {1U, 3U, 100U}) {
    DetectorShape shape;
    shape.metrics = metrics;
    EntityDetector detector(shape);
    std::mt19937 random(5);
    std::vector<double> row(metrics);
    for (int i = 0; i < 1500; ++i) {
      for (std::size_t m = 0; m < metrics; ++m) {
        const auto kind = random() % 40;
        row[m] = kind == 0   ? nan
                 : kind == 1 ? std::numeric_limits<double>::infinity()
                 : kind == 2 ? 1e300
                 : kind == 3 ? -1e14
                             : static_cast<double>(m % 5 == 0 ? 7 : random() % 100);
      }
      if (i % 200 == 0) {
        detector.interrupt();
      }
      const std::size_t given = i % 31 == 0 ? 0 : metrics;
      const RowFinding finding =
          detector.next(std::span(row).first(given), i % 100 == 0 ? -1e9 : i * 60.0);
      ASSERT_TRUE(std::isfinite(finding.score)) << metrics << " " << i;
      ASSERT_FALSE(std::isnan(finding.limit));
    }
  }
}

TEST(EntityDetector, OnePointAndNoPointAreNoAlarm) {
  EntityDetector detector(three());
  EXPECT_FALSE(detector.next(std::array{nan, nan, nan}, 0).abnormal());
  EXPECT_FALSE(detector.next(std::array{1.0, 2.0, 3.0}, 1).abnormal());
  EXPECT_FALSE(detector.next(std::array{nan, nan, nan}, 2).abnormal());
}

TEST(EntityDetector, ComesBackFromBytesAndRefusesOthers) {
  EntityDetector before(three());
  std::mt19937 random(6);
  for (int i = 0; i < 3000; ++i) {
    before.next(normal_row(random), i * 300.0);
  }
  MemoryBuilder builder;
  const std::vector<std::uint8_t> bytes = finish_memory(builder, before.save(builder));
  const auto kept = open_memory(bytes);
  ASSERT_TRUE(kept);
  EntityDetector after(three());
  ASSERT_TRUE(after.load(only_model(**kept)));
  EXPECT_EQ(after.rows(), before.rows());
  EXPECT_EQ(after.expected(1), before.expected(1));
  DetectorShape two;
  two.metrics = 2;
  EntityDetector other(two);
  EXPECT_FALSE(other.load(only_model(**kept)));
  EXPECT_EQ(other.rows(), 0);
}

}  // namespace
}  // namespace gala::detect
