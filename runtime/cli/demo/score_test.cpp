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

using Json = nlohmann::json;

TruthTable installed_table() {
  auto table = TruthTable::load(GALA_SHARE_DIR "/truth");
  EXPECT_TRUE(table) << table.error().what;
  return table ? std::move(*table) : TruthTable();
}

Json json_of(const std::optional<Judgement>& judgement) {
  if (!judgement) {
    return nullptr;
  }
  return {{"verdict", judgement->verdict ? Json(to_string(*judgement->verdict)) : Json(nullptr)},
          {"rank", judgement->rank ? Json(*judgement->rank) : Json(nullptr)}};
}

Json outcome_of(const Json& example, const Truth& truth) {
  Score score(truth, example["injected"].get<Injected>());
  for (const Json& line : example["lines"]) {
    if (line.contains("event")) {
      score.on_event(line["event"]);
    } else {
      score.on_diagnosis(line["diagnosis"]);
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
  score.on_event(Json::parse("[1]"));
  score.on_diagnosis(Json::parse("[1]"));
  EXPECT_FALSE(score.event_only());
  EXPECT_FALSE(score.last_version()->verdict);
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
