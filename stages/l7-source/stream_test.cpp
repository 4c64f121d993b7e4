// A direction with holes: what is skipped may be missing, what is read may not.
#include "stages/l7-source/stream.h"

#include <gtest/gtest.h>

#include <string>

#include "stages/l7-source/parser_testing.h"

namespace gala::l7_source {
namespace {

using parser_testing::bytes_of;

std::string held(const Stream& stream) { return {stream.bytes().begin(), stream.bytes().end()}; }

TEST(Stream, SkipsBytesThatAreHeldAndThoseToCome) {
  Stream stream;
  stream.append(bytes_of("head"));
  stream.append(bytes_of("body"));
  stream.skip(6);
  EXPECT_EQ(held(stream), "dy");
  stream.skip(5);
  EXPECT_TRUE(stream.bytes().empty());
  EXPECT_FALSE(stream.at_boundary()) << "three bytes are still to come";
  stream.append(bytes_of("endnext"));
  EXPECT_EQ(held(stream), "next");
}

TEST(Stream, LetsSkippedBytesBeMissing) {
  Stream stream;
  stream.append(bytes_of("ab"));
  stream.skip(1002);
  stream.gap(1000);
  EXPECT_FALSE(stream.broken());
  EXPECT_TRUE(stream.at_boundary());
  stream.append(bytes_of("c"));
  EXPECT_EQ(held(stream), "c");
}

TEST(Stream, IsBrokenWhereAByteIsMissingThatWasNotSkipped) {
  Stream stream;
  stream.append(bytes_of("begin"));
  stream.gap(1);
  EXPECT_TRUE(stream.broken());
  EXPECT_EQ(held(stream), "begin") << "what stands before the gap can still be read";
  stream.append(bytes_of("end"));
  EXPECT_EQ(held(stream), "begin") << "but nothing continues it";
  stream.resume();
  stream.append(bytes_of("next"));
  EXPECT_EQ(held(stream), "next");
}

TEST(Stream, HoldsNoMoreThanItsLimit) {
  Stream stream;
  const std::string much(most_collected, 'x');
  stream.append(bytes_of(much));
  EXPECT_FALSE(stream.broken());
  stream.append(bytes_of("y"));
  EXPECT_EQ(stream.bytes().size(), most_collected);
  EXPECT_TRUE(stream.broken());
}

}  // namespace
}  // namespace gala::l7_source
