// memory: processes that reclaim, and pages that come into the page cache. See probe_test.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/kernel/probe_test.h"

namespace gala::bpf {
namespace {

/// A control group with a limit of memory, of either version; removed at the end.
class LimitedGroup {
 public:
  explicit LimitedGroup(std::size_t limit_bytes) {
    const bool is_v1 = std::filesystem::exists("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    path_ = std::filesystem::path(is_v1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup") /
            ("gala_memory_test_" + std::to_string(::getpid()));
    std::error_code ignored;
    std::filesystem::create_directory(path_, ignored);
    std::ofstream limit(path_ / (is_v1 ? "memory.limit_in_bytes" : "memory.max"));
    limit << limit_bytes << std::flush;
    usable_ = limit.good();
  }
  ~LimitedGroup() { ::rmdir(path_.c_str()); }
  LimitedGroup(const LimitedGroup&) = delete;
  LimitedGroup& operator=(const LimitedGroup&) = delete;
  [[nodiscard]] bool usable() const { return usable_; }
  /// Moves the calling process.
  void enter() const { std::ofstream(path_ / "cgroup.procs") << ::getpid() << std::flush; }

 private:
  std::filesystem::path path_;
  bool usable_ = false;
};

// More is written to a file than the group may keep in the page cache.
TEST_F(ProbeTest, MemorySeesWhoReclaimsAtTheLimitOfItsGroup) {
  constexpr std::size_t mebibyte = 1 << 20;
  const LimitedGroup group(16 * mebibyte);
  if (!group.usable()) {
    GTEST_SKIP() << "no memory control group can be made here";
  }
  Probe probe = open("memory");
  const pid_t child = ::fork();
  if (child == 0) {
    group.enter();
    const char* path = "/var/tmp/gala_memory_test";
    const FileDescriptor file{::open(path, O_CREAT | O_RDWR, 0600)};
    ::unlink(path);
    const std::vector<char> block(mebibyte, 'x');
    for (int i = 0; i < 64; ++i) {
      if (::write(file.value(), block.data(), block.size()) < 0) {
        ::_exit(1);
      }
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(probe.advance_window());
  Batch rows = read(probe, "processes");
  const int row = find_row(rows, {{"tgid", static_cast<std::uint64_t>(child), {}}});
  ASSERT_GE(row, 0);
  EXPECT_GT(integer(rows, "group_reclaims", row), 0u);
  EXPECT_GT(integer(rows, "group_reclaim_ns", row), 0u);
  EXPECT_GT(integer(rows, "reclaimed_pages", row), 1000u);
  EXPECT_GT(integer(rows, "cache_fills", row), 0u);
  EXPECT_EQ(total(rows, "reclaim", row),
            integer(rows, "group_reclaims", row) + integer(rows, "host_reclaims", row));
}

// Only what a file still has counts as dropped: not the pages of a file that is cut short.
TEST_F(ProbeTest, MemorySeesWhoDropsThePageCache) {
  Probe probe = open("memory");
  const std::string path = "/var/tmp/gala_memory_test_" + std::to_string(::getpid());
  const FileDescriptor file{::open(path.c_str(), O_CREAT | O_RDWR, 0600)};
  std::vector<char> content(1 << 20, 'x');
  const auto size = static_cast<ssize_t>(content.size());
  const std::vector<Want> own = {{"tgid", static_cast<std::uint64_t>(::getpid()), {}}};
  const auto drops = [&] {
    EXPECT_TRUE(probe.advance_window());
    Batch rows = read(probe, "processes");
    const int row = find_row(rows, own);
    return row < 0 ? 0 : integer(rows, "cache_drops", row);
  };
  ASSERT_EQ(::write(file.value(), content.data(), content.size()), size);
  ASSERT_EQ(::fsync(file.value()), 0);
  ASSERT_EQ(::posix_fadvise(file.value(), 0, 0, POSIX_FADV_DONTNEED), 0);
  const auto dropped = drops();
  EXPECT_GT(dropped, 0u);
  EXPECT_LE(dropped, content.size() / 4096);

  ASSERT_EQ(::pread(file.value(), content.data(), content.size(), 0), size);
  ASSERT_EQ(::ftruncate(file.value(), 0), 0);
  EXPECT_EQ(drops(), dropped);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace gala::bpf
