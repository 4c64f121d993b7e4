// The vocabulary of `teaches`: what is misspelt or missing is named, with what is near.
#include "runtime/core/record_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gala {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<RecordColumn> columns() {
  return {{"tgid", wire::ColumnKind::integer},
          {"at_ns", wire::ColumnKind::integer},
          {"comm", wire::ColumnKind::text},
          {"mayor", wire::ColumnKind::integer}};
}

TEST(Fact, IsWrittenAsAWord) {
  for (int i = 0; i <= static_cast<int>(Fact::cgroup_path); ++i) {
    const auto fact = static_cast<Fact>(i);
    EXPECT_EQ(parse_fact(to_string(fact)), fact);
  }
  EXPECT_EQ(to_string(Fact::cgroup_path), "cgroup_path");
  EXPECT_EQ(parse_fact(""), std::nullopt);
  EXPECT_EQ(unknown_fact("proces_end"),
            "rows cannot teach \"proces_end\"; did you mean \"process_end\"?");
  EXPECT_THAT(unknown_fact("x"), HasSubstr("known are process_begin, process_exec"));
}

TEST(Fact, IsHeldByAColumnOfItsKind) {
  EXPECT_EQ(wrong_column(Fact::process_end, "at_ns", columns()), "");
  EXPECT_EQ(wrong_column(Fact::process_comm, "comm", columns()), "");
  EXPECT_EQ(wrong_column(Fact::process_end, "att_ns", columns()),
            "no column \"att_ns\" to learn \"process_end\" from; did you mean \"at_ns\"?");
  EXPECT_EQ(
      wrong_column(Fact::process_end, "comm", columns()),
      "\"process_end\" is learned from a column of kind integer, and \"comm\" is of kind text");
}

TEST(Fact, NeedsTheColumnsThatNameItsSubject) {
  EXPECT_THAT(missing_keys(Fact::process_end, columns()), IsEmpty());
  EXPECT_THAT(missing_keys(Fact::disk_name, columns()),
              ElementsAre("a table that teaches \"disk_name\" needs the column \"major\", which "
                          "names the disk; did you mean \"mayor\"?",
                          "a table that teaches \"disk_name\" needs the column \"minor\", which "
                          "names the disk"));
  EXPECT_THAT(missing_keys(Fact::cgroup_path, columns()), ElementsAre(HasSubstr("\"cgroup_id\"")));
}

TEST(Teachings, AreOfTablesThatTeachSomething) {
  const Teachings end{{Fact::process_end, "at_ns"}};
  EXPECT_EQ(teachings_of({{"a.b", {columns(), end}}, {"a.c", {columns(), {}}}}),
            (TeachingsOfTables{{"a.b", end}}));
  EXPECT_EQ(column_of(end, Fact::process_end), "at_ns");
  EXPECT_EQ(column_of(end, Fact::process_comm), "");
}

}  // namespace
}  // namespace gala
