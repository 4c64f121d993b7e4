// A series becomes one readable line.
#include "runtime/cli/sparkline.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace gala {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

TEST(Sparkline, RisesWithTheValues) {
  EXPECT_EQ(sparkline(std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7}, 20), "▁▂▃▄▅▆▇█");
}

TEST(Sparkline, IsFlatForAConstantAndBlankWhereNothingWasMeasured) {
  EXPECT_EQ(sparkline(std::vector<double>{5, none, 5}, 20), "▁ ▁");
  EXPECT_EQ(sparkline({}, 20), "");
}

TEST(Sparkline, KeepsTheLargestOfWhatItJoins) {
  EXPECT_EQ(sparkline(std::vector<double>{0, 0, 0, 9, 0, 0}, 3), "▁█▁");
}

}  // namespace
}  // namespace gala
