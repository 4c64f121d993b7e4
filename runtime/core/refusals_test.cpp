// A stage is degraded while it refuses messages, and not for ever after.
#include "runtime/core/refusals.h"

#include <gtest/gtest.h>

namespace gala {
namespace {

using namespace std::chrono_literals;

constexpr BootTime begin{100s};

TEST(Refusals, LastUntilMessagesWereAcceptedForATime) {
  Refusals refusals;
  refusals.accept(begin);
  EXPECT_EQ(refusals.count(), 0U);
  refusals.refuse("too short", begin);
  refusals.refuse("too long", begin + 1s);
  refusals.accept(begin + 2s);
  EXPECT_EQ(refusals.count(), 2U) << "what is good may come between what is not";
  EXPECT_EQ(refusals.reason(), "too long");
  refusals.accept(begin + 1s + Refusals::recovery);
  EXPECT_EQ(refusals.count(), 0U);
  EXPECT_EQ(refusals.reason(), "");
}

TEST(Refusals, BeginAnewAfterARecovery) {
  Refusals refusals;
  refusals.refuse("too short", begin);
  refusals.accept(begin + Refusals::recovery);
  refusals.refuse("too long", begin + Refusals::recovery + 1s);
  EXPECT_EQ(refusals.count(), 1U);
  refusals.accept(begin + Refusals::recovery + 2s);
  EXPECT_EQ(refusals.count(), 1U);
}

}  // namespace
}  // namespace gala
