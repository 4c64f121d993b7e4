// Which share of a change another one predicts: from series that are made for it.
#include "stages/infer/regression.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

namespace gala::infer {
namespace {

using namespace std::chrono_literals;

constexpr Moment healthy_until{60s};

/// A value for each second; the trouble begins after 60.
std::vector<Sample> series(const std::function<double(int)>& value, int from = 1) {
  std::vector<Sample> samples;
  for (int i = from; i <= 80; ++i) {
    samples.push_back({Moment{std::chrono::seconds{i}}, value(i)});
  }
  return samples;
}

double load(int second) { return second > 60 ? 300 : 100 + 20 * std::sin(second); }

TEST(PredictedShare, IsAllOfWhatFollowsAsEver) {
  const auto cause = series(load);
  const auto effect = series([](int second) { return 5 + 0.2 * load(second); });
  const auto share = predicted_share({cause, 100, 300}, {effect, 25, 65}, healthy_until, 1s);
  ASSERT_TRUE(share);
  EXPECT_NEAR(*share, 1, 1e-6);
}

TEST(PredictedShare, IsSmallWhereTheEffectHasACauseOfItsOwn) {
  const auto cause = series(load);
  const auto effect = series([](int second) { return second > 60 ? 425 : 5 + 0.2 * load(second); });
  const auto share = predicted_share({cause, 100, 300}, {effect, 25, 425}, healthy_until, 1s);
  ASSERT_TRUE(share);
  EXPECT_NEAR(*share, 0.1, 1e-6);
}

TEST(PredictedShare, IsNoneWhereTheyUsuallyMoveAgainstEachOther) {
  const auto cause = series(load);
  const auto effect = series([](int second) { return 100 - 0.2 * load(second); });
  const auto share = predicted_share({cause, 100, 300}, {effect, 80, 120}, healthy_until, 1s);
  ASSERT_TRUE(share);
  EXPECT_EQ(*share, 0);
}

TEST(PredictedShare, IsUnknownWhereTheCauseLayStill) {
  const auto cause = series([](int second) { return second > 60 ? 50.0 : 0.0; });
  const auto effect = series([](int second) { return 5 + 0.2 * load(second); });
  EXPECT_FALSE(predicted_share({cause, 0, 50}, {effect, 25, 65}, healthy_until, 1s));
}

TEST(PredictedShare, IsUnknownWhereTheyDidNotFollowOneAnother) {
  const auto cause = series(load);
  const auto effect = series([](int second) { return 5 + std::cos(second * 2.3); });
  EXPECT_FALSE(predicted_share({cause, 100, 300}, {effect, 5, 65}, healthy_until, 1s));
}

TEST(PredictedShare, IsUnknownOfAShortPast) {
  const auto cause = series(load, 50);
  const auto effect = series([](int second) { return 5 + 0.2 * load(second); });
  EXPECT_FALSE(predicted_share({cause, 100, 300}, {effect, 25, 65}, healthy_until, 1s));
}

TEST(PredictedShare, IsUnknownOfWhatDidNotChangeOrHadNoLevel) {
  const auto cause = series(load);
  const auto effect = series([](int second) { return 5 + 0.2 * load(second); });
  EXPECT_FALSE(predicted_share({cause, 100, 300}, {effect, 25, 25}, healthy_until, 1s));
  EXPECT_FALSE(predicted_share({cause, std::nan(""), 300}, {effect, 25, 65}, healthy_until, 1s));
  EXPECT_FALSE(predicted_share({{}, 0, 1}, {{}, 0, 1}, healthy_until, 1s));
}

}  // namespace
}  // namespace gala::infer
