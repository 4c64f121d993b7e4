// A diagnosis is readable on a terminal, and one that lacks everything is no trap.
#include "runtime/cli/diagnosis_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/text/terminal.h"

namespace gala {
namespace {

constexpr auto example = R"({
  "Timestamp": 12000, "event_id": "e",
  "Attributes": {"machine_id": "m1", "bent": 3000, "said": 12000, "seconds_to_diagnosis": 9, "version": 2},
  "Resource": {
    "desc": "Requests of redis wait for a processor that another process keeps busy all of the time, as it seems.",
    "abnormal_kpi": {"entity_id": "m1_sli_42", "desc": "latency of redis is 12 ms, usually 0.1 ms",
      "series": {"metric_id": "gala_gopher_sli_latency", "statistic": "p95", "unit": "s",
                 "points": [[1, 0.0001], [2, null], [3, 0.012]]}},
    "cause_metrics": [{"rank": 1, "score": 0.87, "keyword": "cpu", "desc": "process burner uses 1.9 cores",
      "path": [{"entity_id": "m1_proc_7"}, {"entity_id": "m1_sli_42"}],
      "evidence": [{"entity_id": "m1_proc_7", "metric_id": "gala_gopher_proc_cpu", "unit": "1",
                    "points": [[1, 0], [2, 2]]}],
      "remedies": [{"id": "cpu_limit", "desc": "Twice the limit lets it run."}]}],
    "affected_kpis": [{"desc": "latency"}, {"desc": "throughput of redis is 10/s"}],
    "samples": [{"timestamp": 2000, "desc": "GET \u001b[2Jkey took 12 ms, peer 10.0.0.7",
                 "desc_zh": "GET key 用时 12 ms，对端 10.0.0.7"}]}})";

TEST(DiagnosisText, ShowsTimesPathAndEvidence) {
  const std::string text = diagnosis_text(nlohmann::json::parse(example), {});
  EXPECT_THAT(text, testing::HasSubstr("9 s later, version 2"));
  EXPECT_THAT(text, testing::HasSubstr("100 µs → 12 ms"));
  EXPECT_THAT(text, testing::HasSubstr("proc_7 → sli_42"));
  EXPECT_THAT(text, testing::HasSubstr("▁█  0 → 2"));
  EXPECT_THAT(text, testing::HasSubstr("87 %  cpu"));
  EXPECT_THAT(text, testing::HasSubstr("also      throughput of redis"));
  EXPECT_THAT(text, testing::HasSubstr("gala remedy --id cpu_limit"));
}

TEST(DiagnosisText, ShowsSingleRequestsInBothLanguages) {
  const auto diagnosis = nlohmann::json::parse(example);
  EXPECT_THAT(diagnosis_text(diagnosis, {}),
              testing::ContainsRegex("  request   ..:..:02 GET ␛\\[2Jkey took 12 ms"));
  EXPECT_THAT(diagnosis_text(diagnosis, {.chinese = true}),
              testing::HasSubstr("GET key 用时 12 ms，对端 10.0.0.7"));
}

TEST(DiagnosisText, FitsIntoEightyColumns) {
  std::istringstream lines(diagnosis_text(nlohmann::json::parse(example), {.width = 80}));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(display_width(line), 80u) << line;
  }
}

TEST(DiagnosisText, BreaksChineseBetweenCharactersButNotBeforePunctuation) {
  std::string sentence;
  for (int i = 0; i < 12; ++i) {
    sentence += "进程 burner（700）占用处理器，";
  }
  const nlohmann::json diagnosis{{"Resource", {{"desc_zh", sentence}}}};
  std::istringstream lines(diagnosis_text(diagnosis, {.width = 40, .chinese = true}));
  std::string joined;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(display_width(line), 40U) << line;
    EXPECT_FALSE(line.starts_with("  ，") || line.ends_with("（")) << line;
    joined += line;
  }
  std::erase(joined, ' ');
  std::erase(sentence, ' ');
  EXPECT_THAT(joined, testing::HasSubstr(sentence)) << "nothing is lost";
}

TEST(DiagnosisText, SurvivesWhatLacksEverything) {
  for (const char* hostile : {"{}", "[]", "3", R"({"Resource":{"cause_metrics":[1,{"path":[2]}]}})",
                              R"({"Attributes":7,"Resource":[],"x":null})"}) {
    diagnosis_text(nlohmann::json::parse(hostile), {});
  }
  EXPECT_EQ(clock_time(1e300), "-");
}

TEST(DiagnosisText, DoesNotPassOnControlCharacters) {
  const nlohmann::json hostile{{"Resource", {{"desc", "a\033[2Jb"}}}};
  EXPECT_THAT(diagnosis_text(hostile, {}), testing::HasSubstr("a␛[2Jb"));
}

}  // namespace
}  // namespace gala
