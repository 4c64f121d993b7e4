// Lines come in the order they were written, whole, across rotations.
#include "runtime/cli/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gala {
namespace {

class Journal : public testing::Test {
 protected:
  Journal() {
    std::string pattern = testing::TempDir() + "journal_XXXXXX";
    directory = ::mkdtemp(pattern.data());
    path = directory + "/events.jsonl";
  }
  ~Journal() override { std::filesystem::remove_all(directory); }

  static void append(const std::string& file, const std::string& text) {
    std::ofstream(file, std::ios::app) << text;
  }
  static std::vector<std::string> rest(JournalReader& reader) {
    std::vector<std::string> lines;
    while (auto line = reader.next()) {
      lines.push_back(*line);
    }
    return lines;
  }

  std::string directory;
  std::string path;
};

TEST_F(Journal, ReadsOldFilesFirst) {
  append(path + ".2", "a\n");
  append(path + ".1", "b\n");
  append(path, "c\nd\n");
  auto reader = JournalReader::open(path);
  ASSERT_TRUE(reader);
  EXPECT_THAT(rest(*reader), testing::ElementsAre("a", "b", "c", "d"));
}

TEST_F(Journal, WaitsForTheRestOfALine) {
  append(path, "whole\ntor");
  auto reader = JournalReader::open(path);
  ASSERT_TRUE(reader);
  EXPECT_THAT(rest(*reader), testing::ElementsAre("whole"));
  append(path, "n\n");
  EXPECT_THAT(rest(*reader), testing::ElementsAre("torn"));
}

TEST_F(Journal, FollowsARotation) {
  append(path, "one\n");
  auto reader = JournalReader::open(path);
  ASSERT_TRUE(reader);
  EXPECT_THAT(rest(*reader), testing::ElementsAre("one"));
  append(path, "two\n");
  std::filesystem::rename(path, path + ".1");
  append(path, "three\n");
  EXPECT_THAT(rest(*reader), testing::ElementsAre("two", "three"));
}

TEST_F(Journal, ReadsWholeLinesOfTheEnd) {
  append(path + ".2", "one\n");
  append(path + ".1", "two\nthree\n");
  append(path, "four\n");
  const auto end = [this](std::uint64_t most_bytes) {
    auto reader = JournalReader::open_end(path, most_bytes);
    return rest(*reader);
  };
  EXPECT_THAT(end(3), testing::IsEmpty());
  EXPECT_THAT(end(5), testing::ElementsAre("four"));
  EXPECT_THAT(end(10), testing::ElementsAre("four"));
  EXPECT_THAT(end(11), testing::ElementsAre("three", "four"));
  EXPECT_THAT(end(1000), testing::ElementsAre("one", "two", "three", "four"));
}

TEST_F(Journal, SaysWhatIsMissing) {
  const auto reader = JournalReader::open(path);
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().what, testing::HasSubstr("file-sink"));
}

}  // namespace
}  // namespace gala
