// A condition keeps the objects it describes, and a wrong one is refused at its place.
#include "runtime/cli/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gala {
namespace {

bool keeps(std::string_view condition, std::string_view object) {
  const Result<Filter> filter = Filter::parse(condition);
  EXPECT_TRUE(filter) << filter.error().what;
  return filter && filter->matches(nlohmann::ordered_json::parse(object));
}

std::string error_of(std::string_view condition) {
  const Result<Filter> filter = Filter::parse(condition);
  return filter ? "" : filter.error().what;
}

TEST(Filter, ComparesNumbersAndTextsAlongAPath) {
  constexpr auto row = R"({"entity":"sli","latency":{"p95":0.02},"open":true})";
  EXPECT_TRUE(keeps(R"(entity == "sli" and latency.p95 > 0.01)", row));
  EXPECT_FALSE(keeps(R"(entity == "sli" and latency.p95 > 0.03)", row));
  EXPECT_TRUE(keeps("open == true", row));
  EXPECT_TRUE(keeps("entity != 'proc'", row));
  EXPECT_TRUE(keeps("entity ~ 'l'", row));
}

TEST(Filter, BindsAndTighterThanOr) {
  constexpr auto row = R"({"a":1,"b":2})";
  EXPECT_TRUE(keeps("a == 1 or a == 2 and b == 3", row));
  EXPECT_FALSE(keeps("(a == 1 or a == 2) and b == 3", row));
  EXPECT_TRUE(keeps("not (b == 3)", row));
}

TEST(Filter, IsFalseForAFieldThatIsNotThereOrOfAnotherType) {
  constexpr auto row = R"({"a":"text","list":["x","y"],"none":null})";
  EXPECT_FALSE(keeps("missing == 1", row));
  EXPECT_FALSE(keeps("missing != 1", row));
  EXPECT_FALSE(keeps("a > 1", row));
  EXPECT_FALSE(keeps("a.b.c == 1", row));
  EXPECT_TRUE(keeps("list ~ 'y'", row));
  EXPECT_TRUE(keeps("none == null", row));
}

TEST(Filter, PointsAtTheMistake) {
  EXPECT_THAT(error_of("entity = 'sli'"), testing::HasSubstr("\n    entity = 'sli'\n           ^"));
  EXPECT_THAT(error_of("entity == sli"), testing::HasSubstr("quoted text"));
  EXPECT_THAT(error_of("(a == 1"), testing::HasSubstr("expected `)`"));
  EXPECT_THAT(error_of("a == 1 b == 2"), testing::HasSubstr("expected `and`"));
  EXPECT_THAT(error_of("a == 'x"), testing::HasSubstr("closing quote"));
  EXPECT_THAT(error_of(""), testing::HasSubstr("name of a field"));
}

TEST(Filter, RefusesEndlessNesting) {
  EXPECT_THAT(error_of(std::string(1000, '(')), testing::HasSubstr("nested"));
}

}  // namespace
}  // namespace gala
