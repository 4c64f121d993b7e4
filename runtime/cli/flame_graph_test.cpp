// Flame graphs: merged stacks, folded text, a picture whose text is safe.
#include "runtime/cli/flame_graph.h"

#include <gmock/gmock.h>

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
  EXPECT_THAT(svg, HasSubstr("half: 0.50 s, 50.0 %"));
  EXPECT_THAT(svg, HasSubstr("main: 1.00 s, 100.0 %"));
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

TEST(FlameGraph, IsEmptyWithoutSamples) {
  const FlameGraph graph;
  EXPECT_EQ(graph.folded(), "");
  EXPECT_EQ(graph.hottest(), "");
  EXPECT_THAT(graph.svg({}), HasSubstr("</svg>"));
}

}  // namespace
}  // namespace gala
