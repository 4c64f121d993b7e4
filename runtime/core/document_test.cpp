// TOML with places, file order, durations; malformed text is a finding, never a crash.
#include "runtime/core/document.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

namespace gala {
namespace {

using namespace std::chrono_literals;

TEST(Document, KeepsTheOrderOfTheFileAndThePlaces) {
  Diagnostics diagnostics;
  const auto document = parse_toml({"a.toml", "[z]\nb = 1\na = \"x\"\n[m]\n"}, diagnostics);
  ASSERT_TRUE(document);
  ASSERT_EQ(document->table()->size(), 2U);
  EXPECT_EQ(document->table()->front().key, "z");
  const Value* z = document->find("z");
  EXPECT_EQ(z->table()->front().key, "b");
  EXPECT_EQ(z->table()->at(1).key_place.line, 3U);
  EXPECT_EQ(z->find("a")->place().column, 5U);
  EXPECT_EQ(z->find("a")->place().file, "a.toml");
}

// Identity of an entity is the order of its [key.…] tables, whatever their names.
TEST(Document, KeepsTheOrderOfImplicitTables) {
  Diagnostics diagnostics;
  const auto document = parse_toml({"a", "[key.zeta]\n[label.x]\n[key.alpha]\n"}, diagnostics);
  ASSERT_TRUE(document);
  const Value* keys = document->find("key");
  ASSERT_NE(keys, nullptr);
  EXPECT_EQ(keys->table()->at(0).key, "zeta");
  EXPECT_EQ(keys->table()->at(1).key, "alpha");
}

TEST(Document, ReadsEveryKindOfValue) {
  Diagnostics diagnostics;
  const auto document =
      parse_toml({"a", "b=true\ni=-3\nn=1.5\ns=\"q\"\nl=[1,\"x\"]\nt={k=2}\n"}, diagnostics);
  ASSERT_TRUE(document);
  EXPECT_TRUE(*document->find("b")->boolean());
  EXPECT_EQ(*document->find("i")->integer(), -3);
  EXPECT_EQ(document->find("i")->number(), -3.0);
  EXPECT_EQ(document->find("n")->number(), 1.5);
  EXPECT_EQ(*document->find("s")->string(), "q");
  EXPECT_EQ(document->find("l")->array()->size(), 2U);
  EXPECT_EQ(*document->find("t")->find("k")->integer(), 2);
  EXPECT_EQ(document->find("t")->type_name(), "table");
  EXPECT_EQ(document->find("none"), nullptr);
  EXPECT_EQ(document->find("s")->find("none"), nullptr);
}

std::string many(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) {
    text += piece;
  }
  return text;
}

// toml++ recurses over each of these without a limit, and the stack ends before the text does.
TEST(Document, RefusesWhatWouldExhaustTheStack) {
  const std::string parts = many("a.", 200'000) + "a";
  for (const std::string& text :
       {parts + " = 1\n", "[" + parts + "]\n", "x = { " + parts + " = 1 }\n",
        many("\"a\" . ", 200'000) + "a = 1\n", "y = { s = \"\"\"q\"\"\"\", " + parts + " = 1 }\n",
        "y = { s = '''\nq''''', " + parts + " = 1 }\n",
        "x = " + many("[", 200'000) + many("]", 200'000) + "\n",
        "x = " + many("{ a = ", 200'000) + "1" + many("}", 200'000) + "\n"}) {
    Diagnostics diagnostics;
    EXPECT_FALSE(parse_toml({"a.toml", text}, diagnostics));
    EXPECT_TRUE(diagnostics.has_errors()) << text.substr(0, 40);
  }
  Diagnostics diagnostics;
  const SourceText source{"a.toml", "x = 1\n  " + parts + " = 1\n"};
  EXPECT_FALSE(parse_toml(source, diagnostics));
  EXPECT_LT(diagnostics.render({&source, 1}).size(), 500U) << "only the start of a long line";
  const Diagnostic first = diagnostics.sorted().front();
  EXPECT_EQ(first.place.line, 2U);
  EXPECT_NE(first.text.find("more than 32 parts"), std::string::npos) << first.text;
}

TEST(Document, TakesWhatOnlyLooksDeep) {
  Diagnostics diagnostics;
  const std::string dots = many("a.", 100);
  const std::string text = "# " + dots + "\ns = \"" + dots + "\"\nm = \"\"\"\n" + dots +
                           "\\\"\"\"\"\nl = [" + many("1.5, ", 100) + "]\nq = '" + dots +
                           "'\nb = \"\\\"" + dots + "\"\n" + many("a.", 31) + "a = 1\n";
  EXPECT_TRUE(parse_toml({"a.toml", text}, diagnostics));
  EXPECT_EQ(diagnostics.render({}), "");
}

TEST(Document, RefusesMoreThanFourMebibytes) {
  Diagnostics diagnostics;
  EXPECT_FALSE(parse_toml({"a.toml", std::string((4U << 20U) + 1, '\n')}, diagnostics));
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(Document, ReportsSyntaxErrorsAtTheirPlace) {
  Diagnostics diagnostics;
  EXPECT_FALSE(parse_toml({"a.toml", "x = 1\ny = = 2\n"}, diagnostics));
  ASSERT_EQ(diagnostics.sorted().size(), 1U);
  EXPECT_EQ(diagnostics.sorted().front().place.line, 2U);
}

// libFuzzer found asserts of toml++ with such bytes.
TEST(Document, RefusesControlCharactersAndBrokenText) {
  for (const std::string_view text : {"[\001Y", "a = \"\001\"", "\177", "[", "a", "= 1", "\"",
                                      "a = [1,", "\xff\xfe", "a = \"\xc3\""}) {
    Diagnostics diagnostics;
    EXPECT_FALSE(parse_toml({"a", std::string(text)}, diagnostics)) << text;
    EXPECT_TRUE(diagnostics.has_errors()) << text;
  }
}

TEST(Document, ReportsDatesAsErrors) {
  Diagnostics diagnostics;
  parse_toml({"a", "d = 2026-11-23\n"}, diagnostics);
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(Duration, ParsesNumbersWithUnits) {
  struct Case {
    std::string_view text;
    Duration duration;
  };
  for (const Case& one : {Case{"250ms", 250ms},
                          {"5s", 5s},
                          {"2m", 2min},
                          {"1h", 1h},
                          {"7d", 168h},
                          {"1.5s", 1500ms},
                          {"0s", 0s},
                          {"10us", 10us},
                          {"3ns", 3ns}}) {
    EXPECT_EQ(parse_duration(one.text), one.duration) << one.text;
  }
}

TEST(Duration, RefusesEverythingElse) {
  for (const std::string_view text : {"", "5", "s", "-5s", "-0s", "5 s", "5S", "nan s", "inf",
                                      "infs", "1e300d", "5sec", "5s ", "0x5s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, IsWrittenInTheLargestUnitThatFits) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(24h), "1d");
  EXPECT_EQ(format_duration(-5s), "-5s");
}

}  // namespace
}  // namespace gala
