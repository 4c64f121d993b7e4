// A series becomes one readable line, a number one readable word.
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

TEST(WithUnit, ChoosesAPrefix) {
  EXPECT_EQ(with_unit(0.0123, "s"), "12.3 ms");
  EXPECT_EQ(with_unit(0.00005, "s"), "50.0 µs");
  EXPECT_EQ(with_unit(75, "s"), "75 s");
  EXPECT_EQ(with_unit(4.2e6, "B/s"), "4.20 MB/s");
  EXPECT_EQ(with_unit(97, "%"), "97 %");
  EXPECT_EQ(with_unit(1234, "1"), "1.23 k");
  EXPECT_EQ(with_unit(2960, "1/s"), "2.96 k/s");
  EXPECT_EQ(with_unit(0, "s"), "0 s");
  EXPECT_EQ(with_unit(7, ""), "7");
  EXPECT_EQ(with_unit(none, "s"), "–");
}

}  // namespace
}  // namespace gala
