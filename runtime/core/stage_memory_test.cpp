// The memory file: whole or not at all.
#include "runtime/core/stage_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gala {
namespace {

class StageMemory : public ::testing::Test {
 protected:
  StageMemory() { std::filesystem::create_directories(directory_); }
  ~StageMemory() override { std::filesystem::remove_all(directory_); }

  std::string directory_ = ::testing::TempDir() + "stage_memory_" +
                           ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::string path_ = memory_path(directory_, "detect");
};

TEST_F(StageMemory, ComesBackAsItWasAndIsReplacedAsAWhole) {
  EXPECT_TRUE(read_memory(path_)->empty());
  const std::vector<std::uint8_t> first{1, 2, 3};
  const std::vector<std::uint8_t> second{4};
  ASSERT_TRUE(write_memory(path_, first));
  EXPECT_EQ(*read_memory(path_), first);
  ASSERT_TRUE(write_memory(path_, second));
  EXPECT_EQ(*read_memory(path_), second);
}

TEST_F(StageMemory, RefusesADamagedFile) {
  ASSERT_TRUE(write_memory(path_, std::vector<std::uint8_t>(100, 7)));
  std::fstream(path_, std::ios::in | std::ios::out | std::ios::binary).seekp(50).put('x');
  EXPECT_FALSE(read_memory(path_));
  std::ofstream(path_, std::ios::trunc) << "x";
  EXPECT_FALSE(read_memory(path_));
}

// What cannot be read is no memory that was never written: somebody must learn of it.
TEST_F(StageMemory, SaysWhyItCannotBeRead) {
  std::filesystem::create_directories(path_);
  const auto read = read_memory(path_);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find(path_ + " cannot be read"), std::string::npos);
}

TEST_F(StageMemory, IsKeptByOneProcessOnly) {
  {
    const auto kept = claim_memory(path_);
    ASSERT_TRUE(kept) << kept.error().what;
    const auto second = claim_memory(path_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().what.find(path_ + ": a running process"), std::string::npos);
    EXPECT_TRUE(claim_memory(memory_path(directory_, "other")));
  }
  EXPECT_TRUE(claim_memory(path_)) << "free again";
}

TEST_F(StageMemory, SaysWhyItCannotBeWritten) {
  const auto done = write_memory(directory_ + "/none/there", std::vector<std::uint8_t>{1});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().what.find("none/there"), std::string::npos);
}

}  // namespace
}  // namespace gala
