// probe.toml: what is said is read, what is wrong is reported at its place, all at once.
#include "runtime/bpf/description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gala::bpf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Description, ReadsTablesHooksAndTunables) {
  const auto read = parse_description("probe.toml", R"(
about = "a"
cost = "c"
seeds = ["one"]
[tables.rows]
kind = "map"
map = "rows"
refresh = "two"
before = ["three", "four"]
about = "r"
[[hooks]]
about = "h"
lost = "l"
alternatives = ["first", ["second", "third"]]
[tunables.every]
about = "t"
default = 1
min = 1
max = 10
)");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->find_table("rows")->refresh, "two");
  EXPECT_THAT(read->find_table("rows")->before, ElementsAre("three", "four"));
  EXPECT_THAT(read->hooks.at(0).alternatives,
              ElementsAre(ElementsAre("first"), ElementsAre("second", "third")));
  EXPECT_EQ(read->find_tunable("every")->maximum, 10);
  EXPECT_EQ(read->find_tunable("never"), nullptr);
}

TEST(Description, RefusesProgramsBeforeARefreshThatIsNotThere) {
  const auto read = parse_description("probe.toml", R"(about = "a"
cost = "c"
[tables.rows]
kind = "map"
map = "rows"
before = ["one"]
about = "r"
)");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().what, HasSubstr("refreshing program"));
}

TEST(Description, ReportsEverythingAtItsPlace) {
  const auto read = parse_description("probe.toml", R"(about = "a"
[tables.rows]
kind = "mop"
about = "r"
[[hooks]]
about = "h"
)");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().what, HasSubstr("cost"));
  EXPECT_THAT(read.error().what, HasSubstr("probe.toml:3"));
  EXPECT_THAT(read.error().what, HasSubstr("\"map\""));
  EXPECT_THAT(read.error().what, HasSubstr("lost"));
}

}  // namespace
}  // namespace gala::bpf
