// Only a cause that names what was injected counts, at the rank where it stands.
#include "runtime/cli/demo/score.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gala::demo {
namespace {

nlohmann::json cause(const std::string& metric, const std::string& id, const std::string& keyword) {
  return {{"metric_id", "gala_gopher_" + metric}, {"entity_id", id}, {"keyword", keyword}};
}

nlohmann::json diagnosis(std::vector<nlohmann::json> causes) {
  return {{"Resource", {{"cause_metrics", std::move(causes)}}}};
}

TEST(RankOfInjected, IsThePlaceOfTheRightCause) {
  const auto said = diagnosis(
      {cause("proc_runq", "m1_proc_42", "cpu"), cause("proc_cpu", "m1_proc_4711", "cpu")});
  EXPECT_EQ(rank_of_injected(said, {"cpu", {"4711"}}), 2u);
}

TEST(RankOfInjected, DoesNotTakeAnotherThingOfTheSameKind) {
  EXPECT_FALSE(rank_of_injected(diagnosis({cause("disk_latency", "m1_disk_vda", "disk")}),
                                {"disk", {"loop0"}}));
  EXPECT_FALSE(
      rank_of_injected(diagnosis({cause("proc_cpu", "m1_proc_14711", "cpu")}), {"cpu", {"4711"}}));
}

TEST(RankOfInjected, FindsAMarkInALabel) {
  auto loop = cause("block_latency", "m1_block_7:0", "disk");
  loop["metric_labels"] = {{"disk_name", "loop0"}};
  EXPECT_EQ(rank_of_injected(diagnosis({loop}), {"disk", {"loop0"}}), 1u);
}

TEST(RankOfInjected, AsksForTheKeywordWhereOneEntityCanMeanMuch) {
  EXPECT_FALSE(
      rank_of_injected(diagnosis({cause("sli_latency", "m1_sli_42", "cpu")}), {"app", {}}));
  EXPECT_EQ(
      rank_of_injected(diagnosis({cause("sli_latency", "m1_sli_42", "application")}), {"app", {}}),
      1u);
}

TEST(RankOfInjected, SurvivesWhatIsNoDiagnosis) {
  EXPECT_FALSE(rank_of_injected(nlohmann::json::parse("[1]"), {"cpu", {}}));
  EXPECT_FALSE(rank_of_injected(diagnosis({1, nullptr, "x"}), {"cpu", {}}));
}

}  // namespace
}  // namespace gala::demo
