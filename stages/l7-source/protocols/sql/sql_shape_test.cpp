// Statements without their values, and that no value remains.
#include "stages/l7-source/protocols/sql/sql_shape.h"

#include <gmock/gmock.h>

#include "stages/l7-source/protocol.h"

namespace gala::l7_source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string postgresql(std::string_view text, bool complete = true) {
  return sql_shape(text, SqlDialect::postgresql, complete);
}
std::string mysql(std::string_view text, bool complete = true) {
  return sql_shape(text, SqlDialect::mysql, complete);
}

TEST(SqlShape, ReplacesLiteralsAndPlaceholders) {
  EXPECT_EQ(postgresql("SELECT a FROM t WHERE b = 'x' AND c > 1.5e-3 AND d = $1"),
            "SELECT a FROM t WHERE b = ? AND c > ? AND d = ?");
  EXPECT_EQ(postgresql("select E'x', $$body$$, $a$ it's $a$ from t2"), "select ? from t2");
  EXPECT_EQ(mysql("SELECT \"x\", 'y', 0x1F, :name, @v FROM `t`"), "SELECT ?, :name, @v FROM `t`");
  EXPECT_EQ(postgresql("SELECT \"Order\" FROM t WHERE x=-5 AND y IS NULL AND z = NULL"),
            "SELECT \"Order\" FROM t WHERE x=? AND y IS NULL AND z = ?");
  EXPECT_EQ(postgresql("select a-1, b::int, .5"), "select a-?, b::int, ?");
}

TEST(SqlShape, FoldsListsSpaceAndComments) {
  EXPECT_EQ(mysql("SELECT  *\n\tFROM t -- secret\n WHERE id IN (1,2 , 3)"),
            "SELECT * FROM t WHERE id IN (?)");
  EXPECT_EQ(mysql("INSERT INTO t (a,b) VALUES (1,'x'),(2, NULL) , (3,TRUE)"),
            "INSERT INTO t (a, b) VALUES (?)");
  EXPECT_EQ(postgresql("/* user=7 /* nested */ still */ COMMIT ;"), "COMMIT");
  EXPECT_EQ(mysql("SELECT 1 # secret\n, a"), "SELECT ?, a");
}

TEST(SqlShape, IsBoundedAndLeavesOutWhatACutMayHaveShortened) {
  EXPECT_LE(postgresql("SELECT " + std::string(5000, 'a')).size(), longest_api);
  EXPECT_EQ(postgresql("SELECT a FROM customers WHERE nam", false),
            "SELECT a FROM customers WHERE");
  EXPECT_EQ(postgresql("SELECT a FROM t WHERE b = 'half of a va", false),
            "SELECT a FROM t WHERE b = ?");
}

// What ends a literal depends on how the server is set: no setting may let a value through.
TEST(SqlShape, LetsNoValueThrough) {
  for (const std::string_view text :
       {"SELECT 'a\\' secret'", "SELECT 'a'' secret'", "SELECT \"it\\\" secret\"",
        "SELECT 'x\\\\' 'secret'", "SELECT _utf8'secret'", "SELECT x'5ec7e7' 'secret",
        "SELECT /* secret", "SELECT N'secret'"}) {
    EXPECT_THAT(mysql(text), Not(HasSubstr("secret"))) << text;
  }
  for (const std::string_view text :
       {"SELECT 'a\\' secret'", "SELECT 'a'' secret'", "SELECT E'\\' secret'",
        "SELECT $x$ $$ secret $x$", "SELECT U&'secret'", "SELECT $$secret", "COPY t -- secret"}) {
    EXPECT_THAT(postgresql(text), Not(HasSubstr("secret"))) << text;
  }
}

TEST(SqlShape, TakesAnyBytes) {
  EXPECT_EQ(postgresql("SELECT \xc3\xa4\xc3\xb6 FROM t\x01"), "SELECT _ FROM t");
  EXPECT_EQ(postgresql(""), "");
  EXPECT_EQ(mysql("'"), "?");
  EXPECT_EQ(postgresql("$"), "?");
  EXPECT_EQ(postgresql("\""), "\"");
}

}  // namespace
}  // namespace gala::l7_source
