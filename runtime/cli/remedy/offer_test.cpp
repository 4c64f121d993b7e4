// From a diagnosis to what would be changed, and from events to "recovered".
#include "runtime/cli/remedy/offer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gala {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::SizeIs;
using Numbers = ValueShape::Numbers;

std::optional<std::string> proposed(std::string_view now, std::string_view propose,
                                    const ValueShape& shape = {}, double most = 0) {
  return proposed_value(now, propose, most, shape);
}

TEST(Proposal, RaisesWhatIsTooLow) {
  EXPECT_THAT(proposed("128", "at_least:4096"), Optional(std::string("4096")));
  EXPECT_EQ(proposed("4096", "at_least:4096"), std::nullopt);
  EXPECT_THAT(proposed("128", "times:4", {}, 256), Optional(std::string("256")));
  EXPECT_EQ(proposed("256", "times:4", {}, 256), std::nullopt);
}

TEST(Proposal, LowersWhatIsTooHigh) {
  EXPECT_THAT(proposed("60", "at_most:10"), Optional(std::string("10")));
  EXPECT_EQ(proposed("0", "at_most:10"), std::nullopt) << "it is switched off";
}

TEST(Proposal, ChangesTheNumberThatCounts) {
  EXPECT_THAT(proposed("4096 131072 6291456", "times:2"),
              Optional(std::string("4096 131072 12582912")));
  EXPECT_THAT(proposed("20000 100000", "times:2", {Numbers::first}),
              Optional(std::string("40000 100000")));
  EXPECT_THAT(proposed("8:0 rbps=max wbps=1000\n8:16 wiops=20", "times:4", {Numbers::every}),
              Optional(std::string("8:0 rbps=max wbps=4000\n8:16 wiops=80")));
  EXPECT_THAT(proposed("8:0 1000", "times:4", {Numbers::every}), Optional(std::string("8:0 4000")));
}

TEST(Proposal, AddsInTheUnitOfTheSetting) {
  EXPECT_THAT(proposed("20000 100000", "add:0.75", {Numbers::first, 100'000}),
              Optional(std::string("95000 100000")));
}

TEST(Proposal, PicksAnotherChoice) {
  EXPECT_THAT(proposed("[none] mq-deadline", "set:mq-deadline"),
              Optional(std::string("mq-deadline")));
  EXPECT_EQ(proposed("none [mq-deadline]", "set:mq-deadline"), std::nullopt);
}

TEST(Proposal, LeavesAloneWhatHasNoLimitOrIsNoNumber) {
  EXPECT_EQ(proposed("max 100000", "times:2", {Numbers::first}), std::nullopt);
  EXPECT_EQ(proposed("-1", "add:1"), std::nullopt);
  EXPECT_EQ(proposed("9223372036854771712", "times:2"), std::nullopt);
  for (const char* propose : {"", "times", "times:", "add:?", "double:2"}) {
    EXPECT_EQ(proposed("12", propose), std::nullopt) << propose;
  }
  EXPECT_EQ(proposed("", "times:2"), std::nullopt);
}

const nlohmann::json diagnosis = nlohmann::json::parse(R"({
  "event_id": "e1",
  "Resource": {
    "affected_kpis": [{"event_id": "e1"}, {"event_id": "e2"}],
    "cause_metrics": [
      {"remedies": [{"id": "a", "target": "sysctl:x.y + sysctl:x.z", "propose": "at_least:9",
                     "most": 20, "desc": "why"}]},
      {"remedies": [{"id": "a", "target": "sysctl:x.y + sysctl:x.z"}, {"id": "b", "target": "t"}]}
    ]}})");

TEST(Offers, AreThoseOfAllCausesEachOnce) {
  const std::vector<Offer> offers = offers_of(diagnosis, false);
  ASSERT_THAT(offers, SizeIs(2));
  EXPECT_EQ(offers[0].desc, "why");
  EXPECT_EQ(offers[0].most, 20);
  EXPECT_THAT(offers[0].targets, ElementsAre("sysctl:x.y", "sysctl:x.z"));
  EXPECT_EQ(offers[1].id, "b");
}

TEST(Offers, TakeAnyJson) {
  for (const char* text :
       {"{}", "[]", "3", R"({"Resource":{"cause_metrics":[1,{"remedies":[2]}]}})",
        R"({"Resource":{"cause_metrics":{"a":1}}})"}) {
    for (const Offer& offer : offers_of(nlohmann::json::parse(text), true)) {
      EXPECT_TRUE(treatment_of(offer).changes.empty()) << text;
    }
  }
}

TEST(Treatments, TellWhatIsToChangeWhatIsFineAndWhatIsNotHere) {
  const std::string proc =
      std::filesystem::path(testing::TempDir()) / ("proc_" + std::to_string(::getpid()));
  std::filesystem::create_directories(proc + "/sys/x");
  std::ofstream(proc + "/sys/x/low") << "3\n";
  std::ofstream(proc + "/sys/x/high") << "30\n";
  const Treatment treatment =
      treatment_of({"a", "", {"sysctl:x.low", "sysctl:x.high", "sysctl:x.none"}, "at_least:9", 0},
                   {.proc = proc});
  std::filesystem::remove_all(proc);
  ASSERT_THAT(treatment.changes, SizeIs(1));
  EXPECT_EQ(treatment.changes[0].before, "3");
  EXPECT_EQ(treatment.changes[0].after, "9");
  ASSERT_THAT(treatment.fine, SizeIs(1));
  EXPECT_EQ(treatment.fine[0].before, "30");
  EXPECT_THAT(treatment.missing, SizeIs(1));
}

std::string event(const std::string& id, bool abnormal) {
  return nlohmann::json{{"event_id", id}, {"is_anomaly", abnormal}}.dump();
}

TEST(Kpis, HaveRecoveredWhenAllAreNormal) {
  KpiState state(diagnosis);
  EXPECT_FALSE(state.recovered());
  state.on(event("e1", false));
  state.on(event("another", true));
  state.on("no json");
  EXPECT_FALSE(state.recovered());
  state.on(event("e2", false));
  EXPECT_TRUE(state.recovered());
}

TEST(Kpis, HaveNotRecoveredWhenOneCameBack) {
  KpiState state(diagnosis);
  state.on(event("e1", false));
  state.on(event("e2", false));
  state.on(event("e1", true));
  EXPECT_FALSE(state.recovered());
}

}  // namespace
}  // namespace gala
