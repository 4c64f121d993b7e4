// Moments are read as people, other programs and journals write them.
#include "runtime/core/moment.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace gala {
namespace {

const WallTime noon{std::chrono::seconds(1795262400)};  // 2026-11-21 12:00 UTC
constexpr std::int64_t noon_ms = 1795262400000;

class ParseMoment : public testing::Test {
 protected:
  ParseMoment() { set_zone("UTC"); }
  ~ParseMoment() override { set_zone("UTC"); }
  static void set_zone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
};

TEST_F(ParseMoment, ReadsWhatPeopleWrite) {
  EXPECT_EQ(parse_moment("now", noon).value(), noon_ms);
  EXPECT_EQ(parse_moment("10m", noon).value(), noon_ms - 600'000);
  EXPECT_EQ(parse_moment("11:40", noon).value(), noon_ms - 1'200'000);
  EXPECT_EQ(parse_moment("11:40:30", noon).value(), noon_ms - 1'170'000);
  EXPECT_EQ(parse_moment("2026-11-21", noon).value(), noon_ms - 43'200'000);
  EXPECT_EQ(parse_moment("2026-11-21 11:59", noon).value(), noon_ms - 60'000);
  EXPECT_EQ(parse_moment("2024-02-29", noon).value(), 1709164800000);
}

TEST_F(ParseMoment, ReadsIso8601InLocalTimeUnlessAZoneIsGiven) {
  set_zone("CST-8");  // eight hours east, as Asia/Shanghai
  EXPECT_EQ(parse_moment("2026-11-21T20:00:01", noon).value(), noon_ms + 1000);
  EXPECT_EQ(parse_moment("2026-11-21T12:00:01Z", noon).value(), noon_ms + 1000);
  EXPECT_EQ(parse_moment("2026-11-21T12:00:01.25Z", noon).value(), noon_ms + 1250);
  EXPECT_EQ(parse_moment("2026-11-21T20:00+08:00", noon).value(), noon_ms);
  EXPECT_EQ(parse_moment("2026-11-21 20:00:00+0800", noon).value(), noon_ms);
  EXPECT_EQ(parse_moment("2026-11-21T08:30:00-03:30", noon).value(), noon_ms);
  EXPECT_EQ(parse_moment("2026-11-21T20:00+08", noon).value(), noon_ms);
}

TEST_F(ParseMoment, ReadsUnixTimes) {
  EXPECT_EQ(parse_moment("1795262400", noon).value(), noon_ms);
  EXPECT_EQ(parse_moment("1795262400.5", noon).value(), noon_ms + 500);
  EXPECT_EQ(parse_moment("1795262400123", noon).value(), noon_ms + 123) << "as journals have it";
}

TEST_F(ParseMoment, RefusesEverythingElse) {
  for (const char* text :
       {"2026-02-31", "2026-02-29T12:00Z", "yesterday", "", "10", "-5m", "1e9", "nan", "2026-13-01",
        "25:00", "11:40Z", "2026-11-21T12:00+99:00", "2026-11-21T12:00:01.Z",
        "2026-11-21T12:00+08:", "2026-11-21T12:00 +", "99999999999999999999"}) {
    const auto moment = parse_moment(text, noon);
    ASSERT_FALSE(moment) << text;
    EXPECT_NE(moment.error().what.find("Unix seconds"), std::string::npos);
  }
}

}  // namespace
}  // namespace gala
