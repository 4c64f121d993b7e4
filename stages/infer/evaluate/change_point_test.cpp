// Where a recording falls into before and since.
#include "stages/infer/evaluate/change_point.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gala::infer {
namespace {

constexpr double gap = std::numeric_limits<double>::quiet_NaN();

/// `size` values around `low`, from `step` on around `high`.
std::vector<double> stepped(std::size_t size, std::size_t step, double low, double high) {
  std::vector<double> values;
  for (std::size_t i = 0; i < size; ++i) {
    const double noise = 0.05 * static_cast<double>((i * 7919 + step) % 11);
    values.push_back((i < step ? low : high) + noise);
  }
  return values;
}

TEST(ChangePoint, FindsAStepThatSomeSeriesShare) {
  std::vector<std::vector<double>> series{stepped(200, 120, 1, 4), stepped(200, 120, 10, 2)};
  for (std::size_t i = 0; i < 6; ++i) {
    series.push_back(stepped(200, 200 + i, 3, 3));
  }
  const auto change = find_change(series);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->row, 120U);
  EXPECT_GT(change->gain, 0.1);
}

TEST(ChangePoint, PrefersAStepToSlowDrifts) {
  std::vector<std::vector<double>> series{stepped(300, 220, 1, 9)};
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<double> drift;
    for (std::size_t row = 0; row < 300; ++row) {
      drift.push_back(static_cast<double>(row * (i + 1)));
    }
    series.push_back(std::move(drift));
  }
  EXPECT_EQ(find_change(series)->row, 220U);
}

TEST(ChangePoint, LooksOverGapsAndOutliers) {
  std::vector<double> series = stepped(200, 150, 1, 5);
  series[40] = 1e12;
  for (const std::size_t row : {10U, 60U, 120U, 170U, 180U}) {
    series[row] = gap;
  }
  EXPECT_EQ(find_change(std::span(&series, 1))->row, 150U);
}

TEST(ChangePoint, FindsNothingInConstantsGapsAndShortSeries) {
  const std::vector<std::vector<double>> series{std::vector<double>(100, 4),
                                                std::vector<double>(100, gap)};
  EXPECT_FALSE(find_change(series));
  EXPECT_FALSE(find_change({}));
  const std::vector<double> few{1, 9, 1};
  EXPECT_FALSE(find_change(std::span(&few, 1)));
  const std::vector<double> none;
  EXPECT_FALSE(find_change(std::span(&none, 1)));
}

}  // namespace
}  // namespace gala::infer
