// Commands that a stage's program runs: what it is given, and what is said when it is missing.
#include "runtime/cli/stage_mode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gala {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A directory for programs, empty at first, and gala that looks there.
class StageModeTest : public ::testing::Test {
 protected:
  StageModeTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = ::testing::TempDir() + "gala_stage_mode_" + test->name();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    build_app(app_, context_);
    context_.program_directory = directory_;
    context_.state_directory = "/s";
    context_.share_directory = "/d";
  }
  ~StageModeTest() override { std::filesystem::remove_all(directory_); }
  StageModeTest(const StageModeTest&) = delete;
  StageModeTest& operator=(const StageModeTest&) = delete;

  /// A program that prints what it is given on stderr and ends with `code`.
  void install(const std::string& name, int code) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << "#!/bin/sh\necho \"$@\" >&2\nexit " << code << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  int run(const std::string& line) {
    app_.parse(line, false);
    return context_.run();
  }

  /// Runs in a child process, which becomes the program.
  void expect(const std::string& line, int code, const std::string& said) {
    EXPECT_EXIT(std::exit(run(line)), ::testing::ExitedWithCode(code), said) << line;
  }

  std::string directory_;
  CommandContext context_;
  CLI::App app_;
};

TEST_F(StageModeTest, GivesEverythingToTheProgramAndEndsAsItDoes) {
  install("gala-detect", 7);
  expect("train single-host --recording run --step 5", 7,
         "^train --state-dir /s --share-dir /d single-host --recording run --step 5\n$");
}

TEST_F(StageModeTest, LeavesHelpToTheProgram) {
  install("gala-detect", 0);
  expect("eval detect --help", 0, "^evaluate --help\n$");
  install("gala-infer", 0);
  expect("eval rca --in a --out b", 0, "^evaluate --share-dir /d --in a --out b\n$");
}

TEST_F(StageModeTest, TellsWhichProgramIsMissingWhyAndWhatToDo) {
  const struct {
    std::string line;
    std::string command;
    std::string program;
  } commands[] = {{"train", "gala train", "gala-detect"},
                  {"eval detect --in a --out b", "gala eval detect", "gala-detect"},
                  {"eval rca --in a --out b", "gala eval rca", "gala-infer"}};
  for (const auto& command : commands) {
    ::testing::internal::CaptureStderr();
    const int code = run(command.line);
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(code, exit_failure) << command.line;
    EXPECT_THAT(said, AllOf(HasSubstr(command.command + ": cannot start"),
                            HasSubstr(directory_ + "/" + command.program),
                            HasSubstr("No such file"), HasSubstr("deploy/quickstart.sh")));
  }
}

}  // namespace
}  // namespace gala
