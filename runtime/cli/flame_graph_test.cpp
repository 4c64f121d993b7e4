// Flame graphs: merged stacks, folded text, a picture whose text is safe.
#include "runtime/cli/flame_graph.h"

#include <gmock/gmock.h>

#include "runtime/text/utf8.h"

namespace gala {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(FlameGraph, MergesStacksAndFoldsThemAgain) {
  FlameGraph graph;
  graph.add("main;work;sort", 3);
  graph.add("main;work", 2);
  graph.add("main;work;sort", 1);
  EXPECT_EQ(graph.samples(), 6u);
  EXPECT_EQ(graph.folded(), "main;work 2\nmain;work;sort 4\n");
  EXPECT_EQ(graph.hottest(), "sort");
}

TEST(FlameGraph, DrawsABarForEachFunctionWithItsShare) {
  FlameGraph graph;
  graph.add("main;half", 50);
  graph.add("main;other", 50);
  const std::string svg = graph.svg({.title = "t", .weight = 0.01, .unit = "s"});
  EXPECT_THAT(svg, HasSubstr("half: 500 ms, 50 %"));
  EXPECT_THAT(svg, HasSubstr("main: 1 s, 100 %"));
  EXPECT_THAT(svg, HasSubstr("<svg xmlns"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
}

TEST(FlameGraph, NamesCannotBreakThePicture) {
  FlameGraph graph;
  graph.add("std::vector<int>::at(\"&\")\x01", 1);
  const std::string svg = graph.svg({.title = "<b>", .weight = 1, .unit = "s"});
  EXPECT_THAT(svg, Not(HasSubstr("vector<int>")));
  EXPECT_THAT(svg, HasSubstr("vector&lt;int&gt;"));
  EXPECT_THAT(svg, Not(HasSubstr("\x01")));
  EXPECT_THAT(svg, Not(HasSubstr("<b>")));
}

/// How often each bar shows this text.
std::size_t labels_with(const std::string& svg, const std::string& text) {
  std::size_t count = 0;
  const std::string label = ">" + text + "</text>";
  for (auto at = svg.find(label); at != std::string::npos; at = svg.find(label, at + 1)) {
    ++count;
  }
  return count;
}

// A bar of 1200 / 30 = 40 has room for 5 columns.
TEST(FlameGraph, CutsLabelsBetweenCharacters) {
  FlameGraph graph;
  graph.add("数据库服务", 1);
  graph.add("🚀🚀🚀🚀", 1);
  graph.add("serve", 1);
  graph.add("serves", 1);
  graph.add("broken\xe6\x95", 1);
  graph.add("rest", 25);
  const std::string svg = graph.svg({.title = "数据库 🚀", .weight = 1, .unit = "s"});
  EXPECT_EQ(labels_with(svg, "数据…"), 1U);
  EXPECT_EQ(labels_with(svg, "🚀🚀…"), 1U);
  EXPECT_EQ(labels_with(svg, "serve"), 1U);
  EXPECT_EQ(labels_with(svg, "serv…"), 1U);
  EXPECT_THAT(svg, HasSubstr("broken\uFFFD\uFFFD"));
  // The whole file is UTF-8, or a browser shows nothing of it.
  for (std::string_view rest = svg; !rest.empty();) {
    const Utf8Character character = first_character(rest);
    ASSERT_TRUE(character.valid) << rest.substr(0, 60);
    rest.remove_prefix(character.size);
  }
}

TEST(FlameGraph, NamesCannotSteerATerminal) {
  FlameGraph graph;
  graph.add("main;\033[2J\ngone", 1);
  EXPECT_EQ(graph.folded(), "main;␛[2J␊gone 1\n");
  EXPECT_EQ(graph.hottest(), "␛[2J␊gone");
}

TEST(FlameGraph, IsEmptyWithoutSamples) {
  const FlameGraph graph;
  EXPECT_EQ(graph.folded(), "");
  EXPECT_EQ(graph.hottest(), "");
  EXPECT_THAT(graph.svg({}), HasSubstr("</svg>"));
}

}  // namespace
}  // namespace gala
