// JSON lines stay whole and in order, also when the disk is full for a while.
#include "stages/file-sink/json_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace gala::file_sink {
namespace {

namespace fs = std::filesystem;

class JsonLinesFile : public testing::Test {
 protected:
  JsonLinesFile() {
    std::string pattern = (fs::temp_directory_path() / "gala-lines-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    ::getrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, SIG_IGN);
  }
  ~JsonLinesFile() override {
    disk_full_at(before_.rlim_cur);
    fs::remove_all(directory_);
  }

  [[nodiscard]] std::string path() const { return directory_ / "events.jsonl"; }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// No file of this process grows beyond `size_bytes`: a full disk, as far as a writer can tell.
  void disk_full_at(rlim_t size_bytes) const {
    const rlimit limit{size_bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }

  fs::path directory_;
  rlimit before_{};
};

TEST_F(JsonLinesFile, HoldsOneObjectPerLine) {
  JsonLines lines({path(), {}});
  lines.add("{\"a\":1}");
  lines.add("{\"b\":2}");
  lines.flush();
  EXPECT_EQ(content(), "{\"a\":1}\n{\"b\":2}\n");
  EXPECT_EQ(lines.written(), 2U);
}

TEST_F(JsonLinesFile, HealsALineThatAPowerCutTore) {
  std::ofstream(path()) << "{\"a\":1}\n{\"tor";
  JsonLines lines({path(), {}});
  lines.add("{\"b\":2}");
  lines.flush();
  EXPECT_EQ(content(), "{\"a\":1}\n{\"tor\n{\"b\":2}\n");
}

TEST_F(JsonLinesFile, WaitsWhileTheDiskIsFullAndLosesNothing) {
  JsonLines lines({path(), {}});
  lines.add("1");
  lines.flush();
  disk_full_at(3);
  lines.add("22222");
  lines.flush();
  EXPECT_EQ(content(), "1\n");
  EXPECT_EQ(lines.waiting(), 1U);
  EXPECT_THAT(lines.complaint(), testing::HasSubstr("resumes by itself"));
  disk_full_at(before_.rlim_cur);
  lines.flush();
  EXPECT_EQ(content(), "1\n22222\n");
  EXPECT_EQ(lines.complaint(), "");
  EXPECT_EQ(lines.lost(), 0U);
}

TEST_F(JsonLinesFile, DropsAndCountsTheOldestBeyondItsBacklog) {
  disk_full_at(0);
  JsonLines lines({path(), {}, 10});
  for (const char* json : {"1111", "2222", "3333"}) {
    lines.add(json);
    lines.flush();
  }
  EXPECT_EQ(lines.lost(), 1U);
  disk_full_at(before_.rlim_cur);
  lines.flush();
  EXPECT_EQ(content(), "2222\n3333\n");
}

TEST_F(JsonLinesFile, NamesTheFileThatCannotBeOpened) {
  JsonLines lines({(directory_ / "absent" / "x").string(), {}});
  const auto opened = lines.open();
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().what, testing::HasSubstr("absent/x: cannot be opened"));
}

}  // namespace
}  // namespace gala::file_sink
