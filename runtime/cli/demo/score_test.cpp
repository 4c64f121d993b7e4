// Goal: the demonstration and the fault campaign call the same answers right. Method: the examples
// of tests/campaign/verdicts.json, which its Python scorer runs too, on the installed truth.
#include "runtime/cli/demo/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/cli/demo/fault.h"
#include "runtime/core/read_file.h"

namespace gala::demo {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

TruthTable installed_table() {
  auto table = TruthTable::load(GALA_SHARE_DIR "/truth");
  EXPECT_TRUE(table) << table.error().what;
  return table ? std::move(*table) : TruthTable();
}

Json json_of(const std::optional<Version>& version) {
  if (!version) {
    return nullptr;
  }
  const auto& [verdict, rank] = version->judgement;
  return {{"verdict", verdict ? Json(to_string(*verdict)) : Json(nullptr)},
          {"rank", rank ? Json(*rank) : Json(nullptr)}};
}

Json outcome_of(const Json& example, const Truth& truth) {
  Score score(truth, example["injected"].get<Injected>());
  for (const Json& line : example["lines"]) {
    if (line.contains("event")) {
      score.on_event(line["event"], 1s);
    } else {
      score.on_diagnosis(line["diagnosis"], 1s);
    }
  }
  return {{"first_version", json_of(score.first_version())},
          {"last_version", json_of(score.last_version())},
          {"event_only", score.event_only()}};
}

TEST(Score, IsAsTheExamplesPromise) {
  const TruthTable table = installed_table();
  const Json examples =
      Json::parse(read_file(GALA_SOURCE_DIR "/tests/campaign/verdicts.json").value());
  ASSERT_GT(examples.size(), 20U);
  for (const Json& example : examples) {
    const Truth* truth = table.find(example["fault"].get<std::string>());
    ASSERT_NE(truth, nullptr) << example["fault"];
    EXPECT_EQ(outcome_of(example, *truth), example["expect"]) << example["name"];
  }
}

TEST(Score, SurvivesWhatIsNoObject) {
  const TruthTable table = installed_table();
  const Injected injected{{"machine", {"m"}}, {"process", {"1"}}};
  Score score(*table.find("cpu-hog"), injected);
  score.on_event(Json::parse("[1]"), 1s);
  score.on_diagnosis(Json::parse("[1]"), 1s);
  EXPECT_FALSE(score.event_only());
  EXPECT_FALSE(score.last_version()->judgement.verdict);
}

/// A diagnosis of the processor's use by this process.
Json blames(const std::string& process) {
  return {{"event_id", "e1"},
          {"Resource",
           {{"cause_metrics",
             {{{"metric_id", "gala_gopher_proc_cpu_util"},
               {"entity_id", "m_proc_" + process},
               {"metric_labels", {{"tgid", process}}},
               {"keyword", ""}}}}}}};
}

// While the fault recovers, versions go on to come for a minute: they say nothing of the fault.
TEST(Score, EndsSoonAfterTheFaultIsRemoved) {
  const TruthTable table = installed_table();
  Score score(*table.find("cpu-hog"), {{"machine", {"m"}}, {"process", {"1"}}});
  EXPECT_TRUE(score.on_diagnosis(blames("2"), 3s));
  score.end(10s);
  EXPECT_TRUE(score.on_diagnosis(blames("1"), 10s + Score::grace));
  EXPECT_FALSE(score.on_diagnosis(blames("2"), 12s));
  ASSERT_TRUE(score.first_version() && score.last_version());
  EXPECT_EQ(score.first_version()->judgement.verdict, Verdict::wrong);
  EXPECT_EQ(score.first_version()->after, 3s);
  EXPECT_EQ(score.last_version()->judgement.verdict, Verdict::right);
  EXPECT_EQ(score.last_version()->after, 10s + Score::grace);
}

TEST(TruthTable, KnowsEveryFaultOfTheDemonstration) {
  const TruthTable table = installed_table();
  for (const std::string& fault : fault_names()) {
    EXPECT_NE(table.find_demo(fault), nullptr) << fault;
  }
  EXPECT_EQ(table.find_demo(""), nullptr);
}

TEST(TruthTable, ReportsEveryMistakeAtItsPlace) {
  const std::vector<SourceText> files{{"x.toml",
                                       "[a]\n"
                                       "[[a.half]]\n"
                                       "of = [\"proc\"]\n"
                                       "wher = { tgid = \"process\" }\n"}};
  Diagnostics diagnostics;
  TruthTable::parse(files, diagnostics);
  const std::string text = diagnostics.render(files);
  for (const char* words : {"x.toml:3:6", "entity.metric", "wher", "why", "[[a.right]]"}) {
    EXPECT_NE(text.find(words), std::string::npos) << words << " in\n" << text;
  }
}

// A heading with one bracket pair less is a table and no list.
TEST(TruthTable, RefusesAnswersThatAreNoList) {
  const std::vector<SourceText> files{{"x.toml",
                                       "[[a.right]]\n"
                                       "of = [\"proc.cpu\"]\n"
                                       "why = \"it is\"\n"
                                       "[a.half]\n"
                                       "of = [\"cpu.used\"]\n"
                                       "why = \"it follows\"\n"}};
  Diagnostics diagnostics;
  TruthTable::parse(files, diagnostics);
  EXPECT_THAT(diagnostics.render(files), testing::AllOf(testing::HasSubstr("x.toml:4:"),
                                                        testing::HasSubstr("write [[a.half]]")));
}

TEST(TruthTable, RefusesASecondTruthOfAFault) {
  const std::string text = "[[a.right]]\nof = [\"proc.cpu\"]\nwhy = \"it is\"\n";
  const std::vector<SourceText> files{{"x.toml", text}, {"y.toml", "\n" + text}};
  Diagnostics diagnostics;
  TruthTable::parse(files, diagnostics);
  EXPECT_THAT(diagnostics.render(files), testing::HasSubstr("y.toml:2:"));
}

TEST(Truth, RefusesAnInjectorThatDoesNotSayWhatItHarmed) {
  const TruthTable table = installed_table();
  const auto checked = table.find("leak")->check({{"machine", {"m"}}, {"process", {"1"}}});
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().what.find("group"), std::string::npos) << checked.error().what;
}

}  // namespace
}  // namespace gala::demo
