// Recordings survive damage, torn tails and full disks; payloads come back aligned.
#include "runtime/core/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "schemas/wire/envelope_generated.h"

namespace gala {
namespace {

namespace fs = std::filesystem;

/// A directory of its own for each test, removed at the end.
class Recording : public testing::Test {
 protected:
  Recording() {
    std::string pattern = (fs::temp_directory_path() / "gala-recording-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~Recording() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }

  fs::path directory_;
};

struct Parts {
  std::string topic;
  std::vector<std::uint8_t> header = std::vector<std::uint8_t>(sizeof(wire::Header));
  std::vector<std::uint8_t> payload;

  [[nodiscard]] RecordedMessage message() const { return {topic, header, payload}; }
};

Parts parts(std::uint8_t number, std::size_t payload_bytes) {
  Parts made;
  made.topic = "event/e" + std::to_string(number);
  made.payload.assign(payload_bytes, number);
  return made;
}

void write(const std::string& path, int messages) {
  auto writer = RecordingWriter::create(path);
  ASSERT_TRUE(writer);
  for (int i = 0; i < messages; ++i) {
    writer->append(
        parts(static_cast<std::uint8_t>(i), 100 + static_cast<std::size_t>(i)).message());
  }
}

/// First payload byte of each message that can still be read.
std::vector<int> numbers_in(RecordingReader& reader) {
  std::vector<int> numbers;
  while (const auto message = reader.next()) {
    numbers.push_back(message->payload.front());
  }
  return numbers;
}

void overwrite(const std::string& path, std::streamoff offset, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file << bytes;
}

TEST_F(Recording, GivesBackWhatWasWritten) {
  write(path("a.rec"), 3);
  auto reader = RecordingReader::open(path("a.rec"));
  ASSERT_TRUE(reader);
  for (std::uint8_t i = 0; i < 3; ++i) {
    const auto message = reader->next();
    ASSERT_TRUE(message);
    const Parts expected = parts(i, 100U + i);
    EXPECT_EQ(message->topic, expected.topic);
    EXPECT_THAT(message->header, testing::ElementsAreArray(expected.header));
    EXPECT_THAT(message->payload, testing::ElementsAreArray(expected.payload));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(message->payload.data()) % 8, 0U);
  }
  EXPECT_FALSE(reader->next());
  EXPECT_EQ(reader->counts().messages, 3U);
  EXPECT_EQ(reader->counts().torn_bytes, 0U);
}

TEST_F(Recording, StartsAgainAfterRewind) {
  write(path("a.rec"), 2);
  auto reader = RecordingReader::open(path("a.rec"));
  EXPECT_THAT(numbers_in(*reader), testing::ElementsAre(0, 1));
  reader->rewind();
  EXPECT_THAT(numbers_in(*reader), testing::ElementsAre(0, 1));
}

TEST_F(Recording, SkipsADamagedMessageAndKeepsTheOthers) {
  write(path("a.rec"), 4);
  overwrite(path("a.rec"), 8 + 16 + 40, "damage");  // inside the first message's body
  auto reader = RecordingReader::open(path("a.rec"));
  EXPECT_THAT(numbers_in(*reader), testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(reader->counts().damaged_places, 1U);
  EXPECT_GT(reader->counts().skipped_bytes, 0U);
}

// A damaged length leaves no way to the next message but looking for it.
TEST_F(Recording, FindsTheNextMessageAfterADamagedLength) {
  write(path("a.rec"), 3);
  overwrite(path("a.rec"), 8, std::string("\xff\xff\xff\x7f", 4));
  auto reader = RecordingReader::open(path("a.rec"));
  EXPECT_THAT(numbers_in(*reader), testing::ElementsAre(1, 2));
}

// The writer was killed at any byte of the last message.
TEST_F(Recording, IgnoresATornTailOfAnyLength) {
  write(path("two.rec"), 2);
  write(path("three.rec"), 3);
  const auto whole = fs::file_size(path("two.rec"));
  for (auto size = fs::file_size(path("three.rec")) - 1; size > whole; --size) {
    fs::resize_file(path("three.rec"), size);
    auto reader = RecordingReader::open(path("three.rec"));
    ASSERT_THAT(numbers_in(*reader), testing::ElementsAre(0, 1)) << size;
    ASSERT_EQ(reader->counts().torn_bytes, size - whole);
  }
}

TEST_F(Recording, RefusesAFileThatIsNone) {
  std::ofstream(path("a.rec")) << "something else entirely";
  std::ofstream(path("empty.rec"));
  EXPECT_THAT(RecordingReader::open(path("a.rec")).error().what,
              testing::HasSubstr("is not a recording"));
  EXPECT_FALSE(RecordingReader::open(path("empty.rec")));
  EXPECT_FALSE(RecordingReader::open(path("absent.rec")));
}

// As root, a wrong name in a pipeline file would cost a file of the system.
TEST_F(Recording, LeavesAFileAloneThatIsNone) {
  const std::string text = "root:x:0:0:root:/root:/bin/bash";
  for (const std::int64_t keep : {0, 2}) {
    std::ofstream(path("passwd")) << text;
    const auto writer = RecordingWriter::create(path("passwd"), {.max_bytes = 1000, .keep = keep});
    ASSERT_FALSE(writer) << keep;
    EXPECT_THAT(writer.error().what, testing::HasSubstr("holds something else"));
    EXPECT_EQ(fs::file_size(path("passwd")), text.size());
  }
}

TEST_F(Recording, RotatesAtItsLimit) {
  {
    auto writer = RecordingWriter::create(path("a.rec"), {.max_bytes = 1000, .keep = 2});
    for (std::uint8_t i = 0; i < 8; ++i) {
      writer->append(parts(i, 300).message());
      writer->flush();
    }
    EXPECT_EQ(writer->lost(), 0U);
    EXPECT_EQ(writer->written(), 8U);
  }
  std::vector<int> seen;
  for (const char* name : {"a.rec.2", "a.rec.1", "a.rec"}) {
    auto reader = RecordingReader::open(path(name));
    ASSERT_TRUE(reader) << name;
    const auto numbers = numbers_in(*reader);
    seen.insert(seen.end(), numbers.begin(), numbers.end());
  }
  EXPECT_THAT(seen, testing::ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_FALSE(fs::exists(path("a.rec.3")));
}

TEST_F(Recording, StopsAndCountsAtItsLimitWithoutRotation) {
  auto writer = RecordingWriter::create(path("a.rec"), {.max_bytes = 1000, .keep = 0});
  for (std::uint8_t i = 0; i < 5; ++i) {
    writer->append(parts(i, 300).message());
    writer->flush();
  }
  EXPECT_EQ(writer->written(), 2U);
  EXPECT_EQ(writer->lost(), 3U);
  EXPECT_THAT(writer->complaint(), testing::HasSubstr("limit"));
}

TEST_F(Recording, CountsWhatAFullDiskRefuses) {
  auto writer = RecordingWriter::create("/dev/full");
  EXPECT_FALSE(writer);  // not even the preamble fits
  auto file = RecordingWriter::create(path("a.rec"));
  Parts oversized = parts(1, 8);
  oversized.topic.assign(300, 'x');
  file->append(oversized.message());
  EXPECT_EQ(file->lost(), 1U);
  EXPECT_FALSE(file->complaint().empty());
}

TEST_F(Recording, KeepsAnExistingRecordingWhenItMayRotate) {
  write(path("a.rec"), 1);
  {
    auto writer = RecordingWriter::create(path("a.rec"), {.max_bytes = 0, .keep = 1});
  }
  auto old = RecordingReader::open(path("a.rec.1"));
  ASSERT_TRUE(old);
  EXPECT_THAT(numbers_in(*old), testing::ElementsAre(0));
}

}  // namespace
}  // namespace gala
