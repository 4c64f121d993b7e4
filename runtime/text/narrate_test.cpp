// Lines for people hold what matters and nothing that steers a terminal.
#include "runtime/text/narrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gala {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view event = R"({"Timestamp":1700000032000,
  "Attributes":{"entity_id":"m1_tcp_link_7","state":"closed","duration":30.0},
  "Resource":{"description":"drops rose","description_zh":"丢包上升"},"SeverityText":"WARN"})";

constexpr std::string_view diagnosis = R"({"Timestamp":1700000014000,
  "Attributes":{"version":2,"seconds_to_diagnosis":4.0},
  "Resource":{"abnormal_kpi":{"desc":"latency rose","entity_id":"m1_sli_42"},"desc":"The disk is busy.",
    "cause_metrics":[{"rank":1,"score":0.9965,"keyword":"disk","desc":"Requests wait.",
      "path":[{"entity_id":"m1_disk_sda"},{"entity_id":"m1_sli_42"}],
      "evidence":[{"metric_id":"gala_gopher_disk_r_await","unit":"s","points":[[1,0.5],[2,null]]}]}],
    "samples":[7,{"timestamp":1700000012000,"desc":"GET k\u001b[2J took 1 s","desc_zh":"GET k 用时 1 s"}]}})";

TEST(Narration, TellsAnEventInOneLine) {
  const auto line = narrate_event(event, Language::english);
  ASSERT_TRUE(line);
  EXPECT_THAT(*line, HasSubstr("closed"));
  EXPECT_THAT(*line, HasSubstr("WARN"));
  EXPECT_THAT(*line, HasSubstr("drops rose"));
  EXPECT_THAT(*line, HasSubstr("m1_tcp_link_7"));
  EXPECT_THAT(*line, HasSubstr("after 30 s"));
  EXPECT_THAT(*line, Not(HasSubstr("\n")));
}

TEST(Narration, SpeaksTheOtherLanguage) {
  EXPECT_THAT(*narrate_event(event, Language::chinese), HasSubstr("丢包上升"));
  EXPECT_THAT(*narrate_event(event, Language::chinese), HasSubstr("持续 30 s"));
  EXPECT_THAT(*narrate_diagnosis(diagnosis, Language::chinese), HasSubstr("The disk is busy."));
  EXPECT_THAT(*narrate_diagnosis(diagnosis, Language::chinese),
              HasSubstr("m1_sli_42  （异常开始 4 s 后，第 2 版）"));
}

TEST(Narration, TellsADiagnosisWithPathAndEvidence) {
  const auto block = narrate_diagnosis(diagnosis, Language::english);
  ASSERT_TRUE(block);
  EXPECT_THAT(*block, HasSubstr("latency rose  m1_sli_42  (4 s after it bent, version 2)"));
  EXPECT_THAT(*block, HasSubstr("1. 1.00 disk        Requests wait."));
  EXPECT_THAT(*block, HasSubstr("m1_disk_sda → m1_sli_42"));
  EXPECT_THAT(*block, HasSubstr("gala_gopher_disk_r_await: 500 ms, ?"));
  EXPECT_THAT(*block, HasSubstr("GET k␛[2J took 1 s\n"));
  EXPECT_THAT(*narrate_diagnosis(diagnosis, Language::chinese), HasSubstr("GET k 用时 1 s\n"));
}

TEST(Narration, DisarmsControlCharacters) {
  const auto line = narrate_event(
      R"({"Attributes":{"state":"open"},"Resource":{"description":"\u001b[2Jgone\n"}})",
      Language::english);
  EXPECT_THAT(*line, HasSubstr("␛[2Jgone␊"));
}

TEST(Narration, DisarmsThePathOfAFoldedEvent) {
  const auto line = narrate_incident(
      R"({"Attributes":{"state":"open"},"Resource":{"events":[{"path":["m1_proc_\u001b[2J"]}]}})",
      Language::english, true);
  EXPECT_THAT(*line, HasSubstr("by m1_proc_␛[2J"));
}

TEST(Narration, SaysNothingOfWhatItDoesNotKnow) {
  for (const char* text : {"", "{", "[]", "12", "{}", R"({"Attributes":3})"}) {
    narrate_diagnosis(text, Language::english);
    narrate_event(text, Language::english);
  }
  EXPECT_FALSE(narrate_event("{}", Language::english));
  EXPECT_FALSE(narrate_diagnosis("nothing", Language::english));
  EXPECT_TRUE(narrate_diagnosis(R"({"Resource":{"cause_metrics":[1,{"path":7,"evidence":[[]]}]}})",
                                Language::english));
}

}  // namespace
}  // namespace gala
