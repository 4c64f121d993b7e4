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
teaches = { process_comm = "comm", process_end = "at_ns" }
[[hooks]]
about = "h"
lost = "l"
unless = "nobody"
alternatives = ["first", ["second", "third"]]
[[hooks]]
about = "i"
lost = "m"
on_demand = true
alternatives = ["fourth"]
[tunables.every]
about = "t"
default = 1
min = 1
max = 10
)");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->find_table("rows")->refresh, "two");
  EXPECT_THAT(read->find_table("rows")->before, ElementsAre("three", "four"));
  ASSERT_EQ(read->find_table("rows")->teaches.size(), 2U);
  EXPECT_EQ(read->find_table("rows")->teaches[1].fact, Fact::process_end);
  EXPECT_EQ(read->find_table("rows")->teaches[1].column, "at_ns");
  EXPECT_THAT(read->hooks.at(0).alternatives,
              ElementsAre(ElementsAre("first"), ElementsAre("second", "third")));
  EXPECT_EQ(read->hooks.at(0).unless, "nobody");
  EXPECT_FALSE(read->hooks.at(0).on_demand);
  EXPECT_TRUE(read->hooks.at(1).on_demand);
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

TEST(Description, KnowsWhatColumnsCanTeach) {
  const auto read = parse_description("probe.toml", R"(about = "a"
cost = "c"
[tables.rows]
kind = "map"
map = "rows"
about = "r"
[tables.rows.teaches]
process_comm = "comm"
proces_end = "at_ns"
process_exe = 3
[tables.more]
kind = "map"
map = "more"
about = "m"
teaches = ["process_end"]
)");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().what,
              HasSubstr("probe.toml:9:1: rows cannot teach \"proces_end\"; did you mean "
                        "\"process_end\"?"));
  EXPECT_THAT(read.error().what, HasSubstr("probe.toml:10:15: the name of a column"));
  EXPECT_THAT(read.error().what, HasSubstr("probe.toml:15:11: \"teaches\" says which columns"));
}

}  // namespace
}  // namespace gala::bpf
