// CSV as it comes: quoted, with gaps, damaged, compressed.
#include "runtime/cli/csv_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>

namespace gala {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CsvTable, ReadsQuotedCellsAndWindowsLineEnds) {
  const auto table = parse_csv("from,to\r\n\"a,b\",\"say \"\"x\"\"\"\r\n\r\nc,\n", "t.csv");
  ASSERT_TRUE(table);
  EXPECT_THAT(table->columns, ElementsAre("from", "to"));
  ASSERT_EQ(table->rows.size(), 2U);
  EXPECT_THAT(table->rows[0], ElementsAre("a,b", "say \"x\""));
  EXPECT_THAT(table->rows[1], ElementsAre("c", ""));
  EXPECT_EQ(table->find("to"), 1U);
  EXPECT_EQ(table->find("x"), CsvTable::npos);
}

TEST(CsvTable, NamesTheLineOfARowOfAnotherLength) {
  const auto table = parse_csv("a,b\n1,2\n1,2,3\n", "t.csv");
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().what, HasSubstr("t.csv:3"));
  EXPECT_FALSE(parse_csv("", "t.csv"));
}

TEST(SeriesTable, MakesGapsOfWhatIsNoFiniteNumber) {
  const auto table = parse_series_csv("time,a/x,b/y\n1,2.5,\n2,inf, 1e3\n3,nan,oops\n?,1,1\n", "m");
  ASSERT_TRUE(table);
  EXPECT_THAT(table->times, ElementsAre(1, 2, 3));
  EXPECT_THAT(table->columns, ElementsAre("a/x", "b/y"));
  EXPECT_EQ(table->values[0][0], 2.5);
  EXPECT_EQ(table->values[1][1], 1000);
  EXPECT_TRUE(std::isnan(table->values[1][0]));
  EXPECT_TRUE(std::isnan(table->values[0][1]));
  EXPECT_TRUE(std::isnan(table->values[1][2]));
}

TEST(SeriesTable, WantsATimeFirst) {
  const auto table = parse_series_csv("a/x,time\n1,2\n", "m.csv");
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().what, HasSubstr("\"time\""));
}

TEST(CsvTable, ReadsPlainAndCompressedFilesByOneName) {
  const std::string path = ::testing::TempDir() + "gala_csv_table_test.csv";
  const gzFile file = gzopen((path + ".gz").c_str(), "wb");
  ASSERT_NE(file, nullptr);
  gzputs(file, "a,b\n");
  gzclose(file);
  ASSERT_TRUE(plain_or_gzip_exists(path));
  const auto text = read_plain_or_gzip(path);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "a,b\n");
  std::filesystem::remove(path + ".gz");
  EXPECT_FALSE(read_plain_or_gzip(path));
}

TEST(CsvTable, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(csv_cell("a b"), "a b");
  EXPECT_EQ(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
}

}  // namespace
}  // namespace gala
