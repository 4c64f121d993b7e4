// The files of a stage's program: a pipeline by its name, the stage by what it runs.
#include "runtime/model/stage_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace gala {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view two_judges =
    "[pipeline]\nname = \"p\"\nperiod = \"2s\"\n"
    "[stages.first]\nrun = \"judge\"\n[stages.second]\nrun = \"judge\"\n"
    "[stages.other]\nrun = \"sink\"\n";

/// A share directory with one pipeline and no model.
class StageSetupTest : public ::testing::Test {
 protected:
  StageSetupTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    options_.share_directory = ::testing::TempDir() + "gala_stage_setup_" + test->name();
    std::filesystem::create_directories(options_.share_directory + "/pipelines");
    std::ofstream(options_.share_directory + "/pipelines/two.toml") << two_judges;
    options_.pipeline = "two";
    options_.state_directory = "/s";
  }
  ~StageSetupTest() override { std::filesystem::remove_all(options_.share_directory); }
  StageSetupTest(const StageSetupTest&) = delete;
  StageSetupTest& operator=(const StageSetupTest&) = delete;

  /// All findings, as people see them.
  [[nodiscard]] static std::string said(const StageSetup& setup) {
    return setup.diagnostics.render(setup.sources);
  }

  StageOptions options_;
};

TEST_F(StageSetupTest, FindsAnInstalledPipelineAndTheOnlyStageThatRunsTheProgram) {
  const StageSetup setup = read_setup(options_, "sink");
  ASSERT_NE(setup.node, nullptr) << said(setup);
  EXPECT_EQ(setup.node->name, "other");
  const StageContext context = context_of(options_, setup);
  EXPECT_EQ(context.stage, "other");
  EXPECT_EQ(context.pipeline, "p");
  EXPECT_EQ(context.state_directory, "/s/p");
  EXPECT_EQ(context.period, std::chrono::seconds(2));
}

TEST_F(StageSetupTest, AsksWhichOfSeveralStages) {
  const StageSetup setup = read_setup(options_, "judge");
  EXPECT_EQ(setup.node, nullptr);
  EXPECT_THAT(said(setup), HasSubstr("choose one by --stage: first, second"));
  options_.stage = "second";
  EXPECT_EQ(read_setup(options_, "judge").node->name, "second");
}

TEST_F(StageSetupTest, TellsWhatIsMissing) {
  EXPECT_THAT(said(read_setup(options_, "infer")), HasSubstr("has no stage that runs infer"));
  options_.stage = "secnd";
  EXPECT_THAT(said(read_setup(options_, "judge")), HasSubstr("did you mean \"second\"?"));
  options_.stage = "other";
  const StageSetup of_another = read_setup(options_, "judge");
  EXPECT_EQ(of_another.node, nullptr);
  EXPECT_THAT(said(of_another), HasSubstr("[stages.other] runs sink, not judge"));
  options_.pipeline = "three";
  EXPECT_THAT(said(read_setup(options_, "judge")), HasSubstr("three"));
}

}  // namespace
}  // namespace gala
