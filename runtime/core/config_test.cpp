// A Config declared once: defaults, every type, ranges, unknown keys, descriptions.
#include "runtime/core/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>

namespace gala {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Sample {
  bool verbose = false;
  std::int64_t limit = 10;
  double factor = 4;
  Duration window = 60s;
  std::string name = "x";
  std::vector<std::string> probes{"a"};
  std::map<std::string, double> weights;

  static constexpr auto fields() {
    return std::tuple{Field{"verbose", &Sample::verbose, "Says more."},
                      Field{"limit", &Sample::limit, "At most.", 1, 100},
                      Field{"factor", &Sample::factor, "Times.", 1},
                      Field{"window", &Sample::window, "How far back.", 1, 3600},
                      Field{"name", &Sample::name, "Who."},
                      Field{"probes", &Sample::probes, "Which."},
                      Field{"weights", &Sample::weights, "How much."}};
  }
};

constexpr std::array<std::string_view, 1> reserved{"run"};

Sample read(const std::string& text, Diagnostics& diagnostics) {
  const auto document = parse_toml({"a.toml", text}, diagnostics);
  return document ? read_config<Sample>(*document, reserved, diagnostics) : Sample{};
}

TEST(Config, ReadsEveryType) {
  Diagnostics diagnostics;
  const Sample sample = read(
      "run = \"x\"\nverbose = true\nlimit = 5\nfactor = 2\nwindow = \"5s\"\nname = \"y\"\n"
      "probes = [\"b\", \"c\"]\nweights = { a = 1, b = 0.5 }\n",
      diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render({});
  EXPECT_TRUE(sample.verbose);
  EXPECT_EQ(sample.limit, 5);
  EXPECT_EQ(sample.factor, 2.0);
  EXPECT_EQ(sample.window, 5s);
  EXPECT_EQ(sample.name, "y");
  EXPECT_THAT(sample.probes, ElementsAre("b", "c"));
  EXPECT_EQ(sample.weights.at("b"), 0.5);
}

TEST(Config, NamesTheParameterTheRangeAndTheRemedy) {
  struct Case {
    std::string_view text;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"verbose = 1", "\"verbose\" wants true or false"},
           {"limit = 1.5", "\"limit\" wants a whole number"},
           {"limit = 101", "\"limit\" is 101; it must be between 1 and 100"},
           {"factor = 0.5", "at least 1"},
           {"factor = nan", "finite"},
           {"factor = inf", "finite"},
           {"window = 5", "\"window\" wants a duration in quotes"},
           {"window = \"5\"", "which is no duration"},
           {"window = \"2h\"", "between 1s and 1h"},
           {"name = 3", "\"name\" wants a text in quotes"},
           {"probes = \"b\"", "a list of texts"},
           {"probes = [1]", "texts in its list"},
           {"weights = 3", "a table of numbers"},
           {"weights = { a = \"x\" }", "\"weights.a\" wants a number"},
           {"windw = \"5s\"", "unknown key \"windw\"; did you mean \"window\"?"},
           {"zzz = 1", "unknown key \"zzz\""},
       }) {
    Diagnostics diagnostics;
    const Sample sample = read(std::string(one.text), diagnostics);
    ASSERT_EQ(diagnostics.sorted().size(), 1U) << one.text;
    EXPECT_THAT(diagnostics.sorted().front().text, HasSubstr(one.expected)) << one.text;
    EXPECT_EQ(diagnostics.sorted().front().place.line, 1U);
    EXPECT_EQ(sample.window, 60s) << "the default stays";
  }
}

TEST(Config, ReportsEverythingAtOnce) {
  Diagnostics diagnostics;
  read("limit = 0\nfactor = \"x\"\nnonsense = 1\n", diagnostics);
  EXPECT_EQ(diagnostics.sorted().size(), 3U);
}

TEST(Config, DescribesItsParameters) {
  const std::vector<FieldDescription> fields = describe_fields<Sample>();
  ASSERT_EQ(fields.size(), 7U);
  EXPECT_EQ(fields[1].name, "limit");
  EXPECT_EQ(fields[1].type, "integer");
  EXPECT_EQ(fields[1].default_text, "10");
  EXPECT_EQ(fields[1].maximum, 100);
  EXPECT_EQ(fields[3].type, "duration");
  EXPECT_EQ(fields[3].default_text, "\"1m\"");
  EXPECT_EQ(fields[5].default_text, "[\"a\"]");
  EXPECT_EQ(fields[6].default_text, "{}");
}

}  // namespace
}  // namespace gala
