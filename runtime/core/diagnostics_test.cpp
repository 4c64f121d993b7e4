// Findings are sorted, drawn with a caret, and hint at the nearest word.
#include "runtime/core/diagnostics.h"

#include <gtest/gtest.h>

namespace gala {
namespace {

TEST(Diagnostics, DrawsLineAndCaret) {
  Diagnostics diagnostics;
  diagnostics.error({"a.toml", 2, 7}, "unknown stage \"detctor\"");
  const std::vector<SourceText> sources{{"a.toml", "[x]\nrun = \"detctor\"\n"}};
  EXPECT_EQ(diagnostics.render(sources),
            "a.toml:2:7: unknown stage \"detctor\"\n"
            "    2 | run = \"detctor\"\n"
            "      |       ^\n");
}

TEST(Diagnostics, LinesUpUnderWideCharactersAndTabs) {
  Diagnostics diagnostics;
  diagnostics.warn({"a", 1, 4}, "here");
  const std::vector<SourceText> sources{{"a", "\t延 x\r\n"}};
  EXPECT_EQ(diagnostics.render(sources), "a:1:4: warning: here\n    1 | \t延 x\n      | \t  ^\n");
}

TEST(Diagnostics, AreSortedAndSurviveWrongPlaces) {
  Diagnostics diagnostics;
  diagnostics.error({"b", 1, 1}, "second");
  diagnostics.error({"a", 900, 3}, "beyond the text");
  diagnostics.error({"a", 1, 900}, "beyond the line");
  diagnostics.error({}, "no place at all");
  const std::vector<SourceText> sources{{"a", "x"}};
  const std::string text = diagnostics.render(sources);
  EXPECT_TRUE(text.starts_with("no place at all\n")) << text;
  EXPECT_LT(text.find("beyond the line"), text.find("beyond the text"));
  EXPECT_LT(text.find("beyond the text"), text.find("second"));
}

TEST(Diagnostics, WarningsAreNoErrors) {
  Diagnostics diagnostics;
  diagnostics.warn({}, "just so");
  EXPECT_FALSE(diagnostics.has_errors());
  diagnostics.error({}, "wrong");
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(NearestWord, FindsTyposAndNothingElse) {
  const std::vector<std::string> known{"threshold", "topology", "infer", "dedup"};
  EXPECT_EQ(nearest_word("treshold", known), "threshold");
  EXPECT_EQ(nearest_word("thershold", known), "threshold");
  EXPECT_EQ(nearest_word("infre", known), "infer");
  EXPECT_EQ(nearest_word("kafka", known), "");
  EXPECT_EQ(nearest_word("", known), "");
  EXPECT_EQ(nearest_word("ab", known), "");
  EXPECT_EQ(nearest_word(std::string(100'000, 'x'), known), "");
  EXPECT_EQ(did_you_mean("dedupe", known), "; did you mean \"dedup\"?");
}

}  // namespace
}  // namespace gala
