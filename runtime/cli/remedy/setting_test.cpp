// Settings of the real kernel: a sysctl of a network namespace of its own, a control group, a
// limit.
#include "runtime/cli/remedy/setting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "runtime/cli/process.h"
#include "runtime/cli/remedy/remedy_trial.h"
#include "runtime/core/handle.h"

namespace gala {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Setting, RefusesTargetsThatItDoesNotKnow) {
  for (const std::string target :
       {"", "sysctl:", "file:/etc/passwd", "file:/sys/../etc/passwd", "cgroup:cpu.max",
        "rlimit:core:1", "rlimit:nofile:0", "sysctl:net.core.somaxconn:x",
        "cgroup:cpu.max:/no such group", "backlog:1", "backlog:1:0", "backlog:1:70000",
        "command:reboot"}) {
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

/// Two settings of that namespace, each with a value that is to be changed.
class Trial : public InNamespace {
 protected:
  void SetUp() override {
    InNamespace::SetUp();
    for (const std::string name : {"net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog"}) {
      if (!IsSkipped()) {
        const auto setting = Setting::find("sysctl:" + name + ":" + std::to_string(child_.pid()));
        ASSERT_TRUE(setting && setting->write("128"));
        changes_.push_back({*setting, "128", "4096"});
      }
    }
  }

  std::vector<std::string> values() const {
    std::vector<std::string> values;
    for (const Change& change : changes_) {
      values.push_back(change.setting.read().value_or("?"));
    }
    return values;
  }

  std::vector<Change> changes_;
};

TEST_F(Trial, KeepsWhatHelped) {
  int asked = 0;
  const auto end = try_remedy({changes_, [&] { return ++asked == 3; }, [] { return true; },
                               [] { return 0.0; }, std::chrono::seconds{5}});
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, TrialEnd::helped);
  EXPECT_THAT(values(), ElementsAre("4096", "4096"));
}

TEST_F(Trial, TakesBackWhatDidNotHelpInTime) {
  double seconds = 0;
  std::vector<std::string> meanwhile;
  const auto end =
      try_remedy({changes_,
                  [&] {
                    meanwhile = values();
                    return false;
                  },
                  [] { return true; }, [&] { return seconds += 1; }, std::chrono::seconds{5}});
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, TrialEnd::taken_back);
  EXPECT_THAT(meanwhile, ElementsAre("4096", "4096"));
  EXPECT_THAT(values(), ElementsAre("128", "128"));
}

TEST_F(Trial, TakesBackWhenSomebodyStopsIt) {
  const auto end = try_remedy({changes_, [] { return false; }, [] { return false; },
                               [] { return 0.0; }, std::chrono::seconds{5}});
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, TrialEnd::stopped);
  EXPECT_THAT(values(), ElementsAre("128", "128"));
}

TEST_F(Trial, TakesBackTheFirstWhenTheKernelRefusesTheSecond) {
  changes_[1].after = "not a number";
  EXPECT_FALSE(try_remedy({changes_, [] { return true; }, [] { return true; }, [] { return 0.0; },
                           std::chrono::seconds{5}}));
  EXPECT_THAT(values(), ElementsAre("128", "128"));
}

/// A socket of this process that listens with that backlog.
FileDescriptor listening_socket(int backlog, std::uint16_t& port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(socket.value(), generic, size), 0);
  EXPECT_EQ(::listen(socket.value(), backlog), 0);
  EXPECT_EQ(::getsockname(socket.value(), generic, &size), 0);
  port = ntohs(address.sin_port);
  return socket;
}

TEST(Setting, ChangesTheAcceptQueueOfARunningProgram) {
  std::uint16_t port = 0;
  const FileDescriptor socket = listening_socket(7, port);
  const std::string process = "backlog:" + std::to_string(::getpid()) + ":";
  const auto setting = Setting::find(process + std::to_string(port));
  ASSERT_TRUE(setting);
  const auto before = setting->read();
  if (!before) {
    GTEST_SKIP() << before.error().what;
  }
  EXPECT_EQ(*before, "7");
  ASSERT_TRUE(setting->write("99"));
  EXPECT_EQ(*setting->read(), "99");
  EXPECT_FALSE(Setting::find(process + "1")->read()) << "nobody listens there";
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
        const auto after = proposed_value(before, "add:0.2", 0, setting->shape());
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
