// Edge counts: losses, restarts of either side, the lock that protects an endpoint.
#include "runtime/core/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace gala {
namespace {

using ::testing::HasSubstr;

class TemporaryFile {
 public:
  TemporaryFile()
      : path_(std::filesystem::temp_directory_path() /
              ("gala-ledger-" + std::to_string(::getpid()))) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(EdgeCounts, CountsEachSequenceThatNeverCame) {
  EdgeCounts counts;
  for (const std::uint64_t sequence : {1, 2, 5, 6, 9}) {
    counts.receive(77, sequence, 10);
  }
  EXPECT_EQ(counts.received, 5u);
  EXPECT_EQ(counts.missing, 4u);
  EXPECT_EQ(counts.last_sequence, counts.received + counts.missing);
  EXPECT_EQ(counts.bytes, 50u);
}

TEST(EdgeCounts, DoesNotTakeARepeatForALoss) {
  EdgeCounts counts;
  for (const std::uint64_t sequence : {1, 2, 2, 1, 3}) {
    counts.receive(77, sequence, 1);
  }
  EXPECT_EQ(counts.missing, 0u);
  EXPECT_EQ(counts.repeated, 2u);
}

TEST(EdgeCounts, StartsAnewWithTheProducersEpoch) {
  EdgeCounts counts;
  counts.receive(77, 1000, 1);
  counts.receive(78, 1, 1);
  EXPECT_EQ(counts.missing, 0u);
  EXPECT_EQ(counts.last_sequence, 1u);
}

TEST(Ledger, RemembersAcrossAProcessThatDied) {
  const TemporaryFile file;
  {
    auto ledger = Ledger::open(file.path(), 100);
    ASSERT_TRUE(ledger) << ledger.error().what;
    ledger->counts().receive(77, 1, 1);
    ledger->counts().receive(77, 4, 1);
  }
  auto again = Ledger::open(file.path(), 200);
  ASSERT_TRUE(again);
  again->counts().receive(77, 6, 1);
  EXPECT_EQ(again->counts().missing, 3u);
}

TEST(Ledger, RefusesASecondOwner) {
  const TemporaryFile file;
  const auto first = Ledger::open(file.path(), 100);
  ASSERT_TRUE(first);
  const auto second = Ledger::open(file.path(), 100);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().what, HasSubstr("in use by another process"));
}

/// Opens a ledger where there is no room, in a mount namespace of this process. 0 when it is
/// refused.
int open_on_a_full_disk(const std::string& directory) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=4k") != 0) {
    return 2;
  }
  std::ofstream(directory + "/full") << std::string(4096, 'x');
  return Ledger::open(directory + "/edge.sent", 100) ? 1 : 0;
}

TEST(Ledger, RefusesToStartOnAFullDisk) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root: mounts a small file system in a namespace of its own";
  }
  const TemporaryFile place;
  std::filesystem::create_directory(place.path());
  EXPECT_EXIT(std::_Exit(open_on_a_full_disk(place.path())), testing::ExitedWithCode(0), "");
}

TEST(Ledger, ForgetsACountFromBeforeTheLastBoot) {
  const TemporaryFile file;
  {
    ASSERT_TRUE(Ledger::open(file.path(), 5'000));
  }
  const auto after_boot = Ledger::open(file.path(), 10);
  ASSERT_TRUE(after_boot);
  EXPECT_EQ(after_boot->counts().epoch_ns, 10u);
}

}  // namespace
}  // namespace gala
