// A directory that tests fill with files as /proc and /sys have them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "stages/proc-source/files.h"

namespace gala::proc_source {

/// Removed with all that is in it when the test ends.
class TestTree {
 public:
  TestTree() : root_(::testing::TempDir() + "/tree-XXXXXX") {
    EXPECT_NE(::mkdtemp(root_.data()), nullptr);
  }
  ~TestTree() { std::filesystem::remove_all(root_); }
  TestTree(const TestTree&) = delete;
  TestTree& operator=(const TestTree&) = delete;

  void write(const std::string& path, std::string_view text) const {
    const std::filesystem::path file = std::filesystem::path(root_) / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::trunc) << text;
  }
  /// A symbolic link, relative as those of /sys.
  void link(const std::string& path, const std::string& target) const {
    const std::filesystem::path file = std::filesystem::path(root_) / path;
    std::filesystem::create_directories(file.parent_path());
    std::filesystem::create_symlink(target, file);
  }
  void remove(const std::string& path) const {
    std::filesystem::remove_all(std::filesystem::path(root_) / path);
  }

  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] Files files() const { return std::move(*Files::open(root_)); }

 private:
  std::string root_;
};

}  // namespace gala::proc_source
