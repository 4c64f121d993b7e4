// Words, lines and numbers of the kernel's text files.
#include "stages/proc-source/text.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gala::proc_source {
namespace {

TEST(Numbers, AreTakenWholeOrNotAtAll) {
  EXPECT_EQ(parse_number("42"), 42);
  EXPECT_EQ(parse_number("-1"), -1);
  EXPECT_EQ(parse_number("0.25"), 0.25);
  EXPECT_EQ(parse_number("18446744073709551615"), 18446744073709551615.0);
  for (const char* word : {"", "max", "nan", "inf", "12x", "-", "0x10"}) {
    EXPECT_TRUE(std::isnan(parse_number(word))) << word;
  }
  EXPECT_EQ(parse_unsigned("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(parse_unsigned("18446744073709551616"));
  EXPECT_FALSE(parse_unsigned("-1"));
  EXPECT_EQ(parse_hexadecimal("0000000a"), 10U);
}

TEST(Words, EndWithEmptyOnes) {
  Words words("  a\tbc ");
  EXPECT_EQ(words.next(), "a");
  EXPECT_EQ(words.next(), "bc");
  EXPECT_EQ(words.next(), "");
  EXPECT_EQ(words.next(), "");
}

TEST(Lines, CountAnUnfinishedLastLine) {
  Lines lines("one\n\nthree");
  EXPECT_EQ(lines.next(), "one");
  EXPECT_EQ(lines.next(), "");
  EXPECT_EQ(lines.next(), "three");
  EXPECT_EQ(lines.next(), std::nullopt);
  EXPECT_EQ(Lines("").next(), std::nullopt);
}

TEST(Halves, SplitAtTheFirstSeparator) {
  EXPECT_EQ(split_once("a:b:c", ':').second, "b:c");
  EXPECT_EQ(split_once("abc", ':').first, "abc");
  EXPECT_EQ(split_once("abc", ':').second, "");
}

}  // namespace
}  // namespace gala::proc_source
