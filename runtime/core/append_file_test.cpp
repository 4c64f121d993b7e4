// Appends are whole or absent, also on a disk that fills up.
#include "runtime/core/append_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace gala {
namespace {

namespace fs = std::filesystem;

class AppendFiles : public testing::Test {
 protected:
  AppendFiles() {
    std::string pattern = (fs::temp_directory_path() / "gala-append-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~AppendFiles() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path directory_;
};

Result<> append(AppendFile& file, std::string_view text) {
  return file.append({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

/// Stands for a full disk: no file of this process grows beyond `limit` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t limit) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit lowered{limit, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &lowered);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST_F(AppendFiles, ExtendAnExistingFile) {
  std::ofstream(path("a")) << "one\n";
  auto file = AppendFile::open(path("a"), {}, AppendFile::Existing::extend);
  ASSERT_TRUE(file);
  EXPECT_TRUE(append(*file, "two\n"));
  EXPECT_EQ(content("a"), "one\ntwo\n");
  EXPECT_TRUE(file->sync());
}

TEST_F(AppendFiles, RotateByRenaming) {
  auto file =
      AppendFile::open(path("a"), {.max_bytes = 8, .keep = 2}, AppendFile::Existing::extend);
  for (const char* line : {"111111\n", "222222\n", "333333\n", "444444\n"}) {
    EXPECT_TRUE(append(*file, line));
  }
  EXPECT_EQ(content("a"), "444444\n");
  EXPECT_EQ(content("a.1"), "333333\n");
  EXPECT_EQ(content("a.2"), "222222\n");
  EXPECT_FALSE(fs::exists(path("a.3")));
  EXPECT_EQ(file->rotations(), 3U);
}

// Half of the line fits; none of it may stay, and writing resumes when there is room again.
TEST_F(AppendFiles, TakeBackHalfAnAppendAndResume) {
  auto file = AppendFile::open(path("a"), {}, AppendFile::Existing::extend);
  EXPECT_TRUE(append(*file, "first\n"));
  {
    const FileSizeLimit full(10);
    const auto refused = append(*file, "second line\n");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what, testing::HasSubstr("cannot be written"));
    EXPECT_EQ(content("a"), "first\n");
  }
  EXPECT_TRUE(append(*file, "third\n"));
  EXPECT_EQ(content("a"), "first\nthird\n");
}

TEST_F(AppendFiles, SayWhyADirectoryIsRefused) {
  const auto file = AppendFile::open(path(""), {}, AppendFile::Existing::extend);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().what, testing::HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace gala
