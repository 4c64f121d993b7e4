// Settings of the real kernel: a sysctl of a network namespace of its own, a control group, a
// limit.
#include "runtime/cli/remedy/setting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/cli/process.h"
#include "runtime/cli/remedy/remedy_trial.h"

namespace gala {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

TEST(Proposal, RaisesWhatIsTooLow) {
  EXPECT_THAT(proposed_value("128", "at_least:4096", 0, false), Optional(std::string("4096")));
  EXPECT_EQ(proposed_value("4096", "at_least:4096", 0, false), std::nullopt);
  EXPECT_THAT(proposed_value("4096\t131072\t6291456", "times:2", 8e6, false),
              Optional(std::string("4096\t131072\t8000000")));
  EXPECT_THAT(proposed_value("20000 100000", "times:2", 0, true),
              Optional(std::string("40000 100000")));
  EXPECT_THAT(proposed_value("[none] mq-deadline", "set:mq-deadline", 0, false),
              Optional(std::string("mq-deadline")));
}

TEST(Proposal, LeavesAloneWhatHasNoLimitOrIsNoNumber) {
  EXPECT_EQ(proposed_value("max 100000", "times:2", 0, true), std::nullopt);
  EXPECT_EQ(proposed_value("-1", "times:2", 0, true), std::nullopt);
  EXPECT_EQ(proposed_value("9223372036854771712", "times:2", 0, true), std::nullopt);
  EXPECT_EQ(proposed_value("none [mq-deadline]", "set:mq-deadline", 0, false), std::nullopt);
  EXPECT_EQ(proposed_value("", "times:2", 0, false), std::nullopt);
  EXPECT_EQ(proposed_value("12", "", 0, false), std::nullopt);
}

TEST(Setting, RefusesTargetsThatItDoesNotKnow) {
  for (const std::string target :
       {"", "sysctl:", "file:/etc/passwd", "file:/sys/../etc/passwd", "cgroup:cpu.max",
        "rlimit:core:1", "rlimit:nofile:0", "sysctl:net.core.somaxconn:x",
        "cgroup:cpu.max:/no such group", "command:reboot"}) {
    EXPECT_FALSE(Setting::find(target)) << target;
  }
}

/// A child in a network namespace of its own; the test is skipped where that is not allowed.
class InNamespace : public ::testing::Test {
 protected:
  void SetUp() override {
    int ready[2] = {-1, -1};
    ASSERT_EQ(::pipe(ready), 0);
    auto child = Child::fork([&] {
      const bool made = ::unshare(CLONE_NEWNET) == 0;
      const char answer = made ? 'y' : 'n';
      if (::write(ready[1], &answer, 1) != 1) {
        return 1;
      }
      ::pause();
      return 0;
    });
    ASSERT_TRUE(child);
    child_ = std::move(*child);
    char answer = 'n';
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    if (answer != 'y') {
      GTEST_SKIP() << "network namespaces are not allowed here";
    }
  }

  [[nodiscard]] std::string target() const {
    return "sysctl:net.core.somaxconn:" + std::to_string(child_.pid());
  }

  Child child_;
};

TEST_F(InNamespace, ReadsAndWritesTheSysctlOfThatNamespaceOnly) {
  const auto here = Setting::find("sysctl:net.core.somaxconn")->read();
  const auto setting = Setting::find(target());
  ASSERT_TRUE(setting);
  EXPECT_THAT(setting->where(), HasSubstr("network namespace"));
  ASSERT_TRUE(setting->write("77"));
  EXPECT_EQ(*setting->read(), "77");
  EXPECT_EQ(*Setting::find("sysctl:net.core.somaxconn")->read(), *here);
}

TEST_F(InNamespace, KeepsWhatHelped) {
  const auto setting = Setting::find(target());
  ASSERT_TRUE(setting && setting->write("128"));
  int asked = 0;
  const auto end = try_remedy({*setting, "128", "4096", [&] { return ++asked == 3; },
                               [] { return true; }, [] { return 0.0; }, std::chrono::seconds{5}});
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, TrialEnd::helped);
  EXPECT_EQ(*setting->read(), "4096");
}

TEST_F(InNamespace, TakesBackWhatDidNotHelpInTime) {
  const auto setting = Setting::find(target());
  ASSERT_TRUE(setting && setting->write("128"));
  double seconds = 0;
  std::string meanwhile;
  const auto end =
      try_remedy({*setting, "128", "4096",
                  [&] {
                    meanwhile = *setting->read();
                    return false;
                  },
                  [] { return true; }, [&] { return seconds += 1; }, std::chrono::seconds{5}});
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, TrialEnd::taken_back);
  EXPECT_EQ(meanwhile, "4096");
  EXPECT_EQ(*setting->read(), "128");
}

TEST_F(InNamespace, TakesBackWhenSomebodyStopsIt) {
  const auto setting = Setting::find(target());
  ASSERT_TRUE(setting && setting->write("128"));
  const auto end = try_remedy({*setting, "128", "4096", [] { return false; }, [] { return false; },
                               [] { return 0.0; }, std::chrono::seconds{5}});
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, TrialEnd::stopped);
  EXPECT_EQ(*setting->read(), "128");
}

TEST_F(InNamespace, SaysWhenTheKernelRefuses) {
  const auto setting = Setting::find(target());
  ASSERT_TRUE(setting && setting->write("128"));
  EXPECT_FALSE(try_remedy({*setting, "128", "not a number", [] { return true; },
                           [] { return true; }, [] { return 0.0; }, std::chrono::seconds{5}}));
  EXPECT_EQ(*setting->read(), "128");
}

TEST(Setting, ChangesTheLimitOfOpenFiles) {
  const auto setting = Setting::find("rlimit:nofile:" + std::to_string(::getpid()));
  ASSERT_TRUE(setting);
  const std::string before = *setting->read();
  ASSERT_TRUE(setting->write("512"));
  EXPECT_EQ(*setting->read(), "512");
  EXPECT_TRUE(setting->write(before));
}

/// A real control group with a CPU limit, in whichever hierarchy this machine has.
TEST(Setting, ChangesTheLimitOfAControlGroup) {
  const std::string name = "/gala_remedy_test_" + std::to_string(::getpid());
  for (const std::string root :
       {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"}) {
    const std::string group = root + name;
    std::error_code error;
    if (!std::filesystem::is_directory(root) || !std::filesystem::create_directory(group, error) ||
        error) {
      continue;
    }
    const bool limited = std::filesystem::exists(group + "/cpu.max") ||
                         std::filesystem::exists(group + "/cpu.cfs_quota_us");
    if (limited) {
      const auto setting = Setting::find("cgroup:cpu.max:" + name);
      EXPECT_TRUE(setting);
      if (setting) {
        EXPECT_TRUE(setting->write("20000"));
        const std::string before = *setting->read();
        const auto after = proposed_value(before, "times:2", 0, setting->first_number_counts());
        EXPECT_TRUE(after && after->starts_with("40000")) << before;
        EXPECT_TRUE(after && setting->write(*after));
        EXPECT_EQ(*setting->read(), after.value_or(""));
      }
    }
    std::filesystem::remove(group, error);
    if (limited) {
      return;
    }
  }
  GTEST_SKIP() << "no control group with a CPU limit can be made here";
}

}  // namespace
}  // namespace gala
