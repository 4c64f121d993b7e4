// CSV as it comes: quoted, with gaps, damaged, compressed.
#include "stages/evaluation/csv_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace gala {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A file of this test's own.
std::string file_of(std::string_view text) {
  const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::string path = ::testing::TempDir() + "gala_csv_table_" + name + ".csv";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

TEST(CsvTable, ReadsQuotedCellsAndWindowsLineEnds) {
  const auto table =
      read_csv(file_of("\xEF\xBB\xBF"
                       "from,to\r\n\"a,b\",\"say \"\"x\"\"\"\r\n\r\nc,\n"));
  ASSERT_TRUE(table);
  EXPECT_THAT(table->columns, ElementsAre("from", "to"));
  ASSERT_EQ(table->rows.size(), 2U);
  EXPECT_THAT(table->rows[0], ElementsAre("a,b", "say \"x\""));
  EXPECT_THAT(table->rows[1], ElementsAre("c", ""));
  EXPECT_EQ(table->find("to"), 1U);
  EXPECT_EQ(table->find("x"), CsvTable::npos);
}

TEST(CsvTable, NamesTheLineOfARowOfAnotherLength) {
  for (const std::string_view text : {"a,b\n1,2\n\n1,2,3\n", "a,b\r\n1,2\r\n\r\n1,2,3\r\n"}) {
    const auto table = read_csv(file_of(text));
    ASSERT_FALSE(table);
    EXPECT_THAT(table.error().what, HasSubstr(".csv:4: 3 cells"));
  }
  const auto empty = read_csv(file_of(""));
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().what, HasSubstr("is empty"));
}

TEST(CsvTable, NamesTheLineOfAQuoteThatOpensOrClosesNoCell) {
  for (const std::string_view text : {"a,b\n1,\"2\n", "a,b\n1,2\"3\n"}) {
    const auto table = read_csv(file_of(text));
    ASSERT_FALSE(table) << text;
    EXPECT_THAT(table.error().what, HasSubstr(".csv:2: a quote"));
  }
}

TEST(SeriesTable, MakesGapsOfWhatIsNoFiniteNumber) {
  const auto table = read_series(file_of("time,a/x,b/y\n1,2.5,\n2,inf, 1e3\n3,nan,oops\n?,1,1\n"));
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
  const auto table = read_series(file_of("a/x,time\n1,2\n"));
  ASSERT_FALSE(table);
  EXPECT_THAT(table.error().what, HasSubstr("\"time\""));
}

TEST(CsvTable, ReadsCompressedFilesAndNoticesWhenTheyAreCut) {
  const std::string path = file_of("");
  std::filesystem::remove(path);
  const gzFile file = gzopen((path + ".gz").c_str(), "wb");
  ASSERT_NE(file, nullptr);
  gzputs(file, "a,b\n1,2\n");
  gzclose(file);
  ASSERT_TRUE(csv_exists(path));
  const auto table = read_csv(path);
  ASSERT_TRUE(table) << table.error().what;
  EXPECT_THAT(table->rows.at(0), ElementsAre("1", "2"));
  std::filesystem::resize_file(path + ".gz", std::filesystem::file_size(path + ".gz") - 9);
  const auto cut = read_csv(path);
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().what, HasSubstr("incomplete"));
  std::filesystem::remove(path + ".gz");
  EXPECT_FALSE(csv_exists(path));
  EXPECT_FALSE(read_csv(path));
}

TEST(CsvTable, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(csv_cell("a b"), "a b");
  EXPECT_EQ(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
}

}  // namespace
}  // namespace gala
