// block_io: requests to disks. See probe_test.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

/// The whole disk of a block device, as the kernel spells it.
std::string disk_of(dev_t device) {
  const auto directory = std::filesystem::canonical(
      "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device)));
  const bool is_partition = std::filesystem::exists(directory / "partition");
  std::string name = (is_partition ? directory.parent_path() : directory).filename().string();
  std::ranges::replace(name, '!', '/');
  return name;
}

TEST_F(ProbeTest, BlockIoMeasuresADirectWrite) {
  Probe probe = open("block_io");
  const std::string path = "/var/tmp/gala_block_io_test";
  constexpr std::size_t size = 1 << 16;
  FileDescriptor file{::open(path.c_str(), O_CREAT | O_RDWR | O_DIRECT, 0600)};
  if (!file) {
    GTEST_SKIP() << path << " takes no direct I/O";
  }
  ::unlink(path.c_str());
  const std::unique_ptr<void, decltype(&std::free)> block{std::aligned_alloc(4096, size),
                                                          &std::free};
  std::memset(block.get(), 1, size);
  ASSERT_EQ(::pwrite(file.value(), block.get(), size, 0), static_cast<ssize_t>(size));
  ASSERT_EQ(::fsync(file.value()), 0);
  struct stat status{};
  ::fstat(file.value(), &status);
  ASSERT_TRUE(probe.advance_window());
  Batch disks = read(probe, "disks");
  if (major(status.st_dev) == 0) {
    GTEST_SKIP() << path << " is on no block device";
  }
  const std::string name = disk_of(status.st_dev);
  const int disk = find_row(disks, {{"major", major(status.st_dev), {}}, {"disk_name", 0, name}});
  ASSERT_GE(disk, 0) << name;
  EXPECT_GE(integer(disks, "write_bytes", disk), size);
  EXPECT_GE(total(disks, "latency_device", disk), 1u);
  EXPECT_GE(total(disks, "latency_queue", disk), 1u);
  EXPECT_EQ(integer(disks, "errors", disk), 0u);
  Batch users = read(probe, "disk_users");
  const int user = find_row(
      users, {{"tgid", static_cast<std::uint64_t>(::getpid()), {}}, {"disk_name", 0, name}});
  ASSERT_GE(user, 0);
  EXPECT_GE(integer(users, "write_bytes", user), size);
}

}  // namespace
}  // namespace gala::bpf
