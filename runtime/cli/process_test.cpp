// Programs are started without a shell, ended for certain, and never left behind.
#include "runtime/cli/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>

namespace gala {
namespace {

using namespace std::chrono_literals;

TEST(RunProgram, GivesTheOutputAndTheExitCode) {
  const auto finished =
      run_program(std::array<std::string, 2>{"/bin/echo", "two words; $HOME"}, 10s);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->exit_code, 0);
  EXPECT_EQ(finished->output, "two words; $HOME\n");
  EXPECT_EQ(run_program(std::array<std::string, 1>{"/bin/false"}, 10s)->exit_code, 1);
}

TEST(RunProgram, NamesAProgramThatIsNotThere) {
  const auto finished = run_program(std::array<std::string, 1>{"/nowhere/program"}, 10s);
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().what, testing::HasSubstr("/nowhere/program"));
}

TEST(RunProgram, KillsWhatDoesNotEnd) {
  const auto finished = run_program(std::array<std::string, 2>{"/bin/sleep", "60"}, 100ms);
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().what, testing::HasSubstr("did not end in time"));
}

TEST(FindProgram, NamesThePackageOfAMissingOne) {
  EXPECT_TRUE(find_program("ls", "coreutils"));
  const auto missing = find_program("no-such-program", "some-package");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().what, testing::HasSubstr("apt-get install some-package"));
}

TEST(Child, EndsWithItsOwner) {
  pid_t pid = 0;
  {
    auto child = Child::start(std::array<std::string, 2>{"/bin/sleep", "60"}, "");
    ASSERT_TRUE(child);
    pid = child->pid();
    EXPECT_EQ(::kill(pid, 0), 0);
    EXPECT_FALSE(child->ended());
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Child, IsKilledWhenItIgnoresTheRequestToStop) {
  auto child = Child::fork([] {
    ::signal(SIGTERM, SIG_IGN);
    for (;;) {
      ::pause();
    }
    return 0;
  });
  ASSERT_TRUE(child);
  const pid_t pid = child->pid();
  child->stop(50ms);
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Child, TellsHowItEnded) {
  auto child = Child::fork([] { return 7; });
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait(5s), 7);
}

TEST(Interrupt, RemembersARequest) {
  Interrupt interrupt;
  EXPECT_FALSE(interrupt.requested());
  ::raise(SIGINT);
  EXPECT_TRUE(interrupt.wait(5s));
  EXPECT_TRUE(interrupt.requested());
}

}  // namespace
}  // namespace gala
