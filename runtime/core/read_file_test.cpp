// A whole file, or why not.
#include "runtime/core/read_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gala {
namespace {

TEST(ReadFile, GivesEveryByte) {
  const std::string path = ::testing::TempDir() + "read_file_GivesEveryByte";
  const std::string bytes = std::string(200'000, 'x') + '\0' + "\xff\n";
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(read_file(path).value(), bytes);
  std::filesystem::remove(path);
}

TEST(ReadFile, SaysWhyItCannotBeRead) {
  const auto missing = read_file("/none/there");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().what, "/none/there: cannot be read (No such file or directory)");
  const auto directory = read_file("/proc");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().what, "/proc: is a directory, not a file");
  const auto device = read_file("/dev/zero");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().what, "/dev/zero: is a device, not a file");
  // It can be opened, but nothing is mapped at address 0.
  const auto unreadable = read_file("/proc/self/mem");
  ASSERT_FALSE(unreadable);
  EXPECT_EQ(unreadable.error().what, "/proc/self/mem: reading it failed (Input/output error)");
}

}  // namespace
}  // namespace gala
