// Which call stacks belong to a diagnosis.
#include "runtime/cli/diagnosis_flame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gala {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const nlohmann::json diagnosis = nlohmann::json::parse(R"({
  "Attributes": {"bent": 1700000020000, "said": 1700000024000},
  "Resource": {"cause_metrics": [
    {"keyword": "cpu", "metric_labels": {"tgid": "7", "comm": "hog"}},
    {"keyword": "disk", "metric_labels": {"disk_name": "vda"}},
    {"keyword": "memory", "metric_labels": {"tgid": "8"}},
    {"keyword": "cpu", "metric_labels": {"tgid": "7"}}]}})");

nlohmann::json profile(std::uint64_t tgid, std::int64_t ms, const std::string& kind = "cpu") {
  return nlohmann::json::parse(
      R"({"Timestamp": )" + std::to_string(ms) + R"(, "tgid": )" + std::to_string(tgid) +
      R"(, "comm": "hog", "kind": ")" + kind +
      R"(", "weight": 0.01, "unit": "s", "stacks": {"main;spin": 9, "main;other": 1}})");
}

TEST(DiagnosisFlame, WantsEachProcessOfTheCausesOnce) {
  const std::vector<ProfileWish> wishes = profile_wishes(diagnosis, 9);
  ASSERT_THAT(wishes, SizeIs(2));
  EXPECT_EQ(wishes[0].tgid, 7U);
  EXPECT_EQ(wishes[0].kind, "cpu");
  EXPECT_EQ(wishes[1].kind, "memory");
  EXPECT_EQ(wishes[1].rank, 3U);
  EXPECT_THAT(profile_wishes(diagnosis, 1), SizeIs(1));
  EXPECT_THAT(flame_command(wishes[0], "single-host"),
              HasSubstr("gala flame --process 7 --since 20"));
  EXPECT_THAT(flame_command(wishes[1], "x"), HasSubstr("--kind memory"));
}

TEST(DiagnosisFlame, TakesStacksOfThatProcessAndTimeOnly) {
  const ProfileWish wish = profile_wishes(diagnosis, 1).at(0);
  FoundProfile found;
  add_profile(profile(7, 1'700'000'022'000), wish, found);
  EXPECT_EQ(found.graph.samples(), 10U);
  EXPECT_EQ(found.graph.hottest(), "spin");
  EXPECT_EQ(found.labels.weight, 0.01);
  add_profile(profile(8, 1'700'000'022'000), wish, found);
  add_profile(profile(7, 1'700'000'022'000, "memory"), wish, found);
  add_profile(profile(7, 1'700'000'010'000), wish, found);
  add_profile(profile(7, 1'700'000'040'000), wish, found);
  EXPECT_EQ(found.graph.samples(), 10U);
}

TEST(DiagnosisFlame, TakesAnyJson) {
  for (const char* text : {"{}", "[]", "3", R"({"Resource":{"cause_metrics":[1,{}]}})",
                           R"({"Attributes":{"bent":1e300},"Resource":{"cause_metrics":
                              [{"metric_labels":{"tgid":"7"}}]}})"}) {
    EXPECT_THAT(profile_wishes(nlohmann::json::parse(text), 3), SizeIs(0)) << text;
    FoundProfile found;
    add_profile(nlohmann::json::parse(text), {}, found);
    EXPECT_EQ(found.graph.samples(), 0U);
  }
}

}  // namespace
}  // namespace gala
