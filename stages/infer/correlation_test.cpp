// Correlation around a change.
#include "stages/infer/correlation.h"

#include <gtest/gtest.h>

#include <vector>

namespace gala::infer {
namespace {

using namespace std::chrono_literals;

std::vector<Sample> step_at(int second, double low, double high) {
  std::vector<Sample> samples;
  for (int i = 1; i <= 60; ++i) {
    samples.push_back({Moment{std::chrono::seconds{i}}, i < second ? low : high});
  }
  return samples;
}

const Stretch stretch{Moment{40s}, Moment{60s}, 1s};

TEST(Correlation, IsOneForTheSameShape) {
  const auto a = step_at(40, 1, 5);
  const auto b = step_at(40, 100, 900);
  EXPECT_NEAR(correlate({a}, {b}, stretch).value_or(0), 1, 1e-9);
}

TEST(Correlation, AllowsTheCauseToLead) {
  const auto cause = step_at(38, 0, 5);
  const auto effect = step_at(40, 1, 9);
  EXPECT_NEAR(correlate({cause}, {effect}, stretch).value_or(0), 1, 1e-9);
}

TEST(Correlation, TurnsSeriesThatAreBadWhenLow) {
  const auto cause = step_at(40, 0, 5);
  const auto effect = step_at(40, 9000, 100);
  EXPECT_NEAR(correlate({cause}, {effect, wire::Direction::low}, stretch).value_or(0), 1, 1e-9);
  EXPECT_LT(correlate({cause}, {effect}, stretch).value_or(0), -0.85);
}

TEST(Correlation, NeedsEnoughCommonWindows) {
  const auto effect = step_at(40, 1, 9);
  const std::vector<Sample> few{{Moment{40s}, 1}, {Moment{41s}, 2}};
  EXPECT_FALSE(correlate({few}, {effect}, stretch).has_value());
  EXPECT_FALSE(correlate({{}}, {effect}, stretch).has_value());
}

TEST(Correlation, TakesAbsenceForZeroWhenAsked) {
  std::vector<Sample> born = step_at(40, 0, 1);
  born.erase(born.begin(), born.begin() + 39);
  const auto effect = step_at(40, 1, 9);
  EXPECT_NEAR(correlate({born, wire::Direction::high, true}, {effect}, stretch).value_or(0), 1,
              1e-9);
}

TEST(Correlation, KnowsNothingOfConstants) {
  const auto constant = step_at(99, 5, 5);
  EXPECT_FALSE(correlate({constant}, {step_at(40, 1, 9)}, stretch).has_value());
}

}  // namespace
}  // namespace gala::infer
