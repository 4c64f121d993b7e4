// What runs is found by its sockets; what does not is named with what there is instead.
#include "runtime/cli/running.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "runtime/cli/command.h"

namespace gala {
namespace {

class RunDirectory : public testing::Test {
 protected:
  RunDirectory() {
    std::string pattern = testing::TempDir() + "running_XXXXXX";
    root = ::mkdtemp(pattern.data());
  }
  ~RunDirectory() override { std::filesystem::remove_all(root); }

  void touch(const std::string& pipeline, const std::string& file) const {
    std::filesystem::create_directories(root + "/" + pipeline);
    std::ofstream(root + "/" + pipeline + "/" + file) << "";
  }

  std::string root;
};

using Running = RunDirectory;

TEST_F(Running, IsFoundWithItsStagesAndTaps) {
  touch("single-host", "assemble.status");
  touch("single-host", "assemble.observations.tap");
  touch("single-host", "limits.assemble.observations.sent");
  const auto found = find_running(root, "");
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->name, "single-host");
  EXPECT_THAT(found->stages, testing::ElementsAre("assemble"));
  ASSERT_EQ(found->taps.size(), 1u);
  EXPECT_EQ(found->taps[0].port, "observations");
  EXPECT_EQ(found->taps[0].endpoint, "ipc://" + root + "/single-host/assemble.observations.tap");
}

TEST_F(Running, MustBeChosenWhenThereAreSeveral) {
  touch("one", "a.status");
  touch("two", "a.status");
  const auto found = find_running(root, "");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().what, testing::HasSubstr("one, two"));
  EXPECT_TRUE(find_running(root, "two"));
}

TEST_F(Running, SuggestsTheNearestName) {
  touch("single-host", "a.status");
  const auto found = find_running(root, "single-hots");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().what, testing::HasSubstr("single-host"));
  EXPECT_FALSE(find_running(root + "/nothing", ""));
}

TEST_F(Running, SelectsTapsByStageOrPort) {
  touch("p", "infer.status");
  touch("p", "infer.diagnoses.tap");
  touch("p", "assemble.observations.tap");
  const auto found = find_running(root, "p");
  ASSERT_TRUE(found);
  EXPECT_EQ(select_taps(*found, "")->size(), 2u);
  EXPECT_EQ(select_taps(*found, "infer")->size(), 1u);
  EXPECT_EQ(select_taps(*found, "infer.diagnoses")->size(), 1u);
  const auto unknown = select_taps(*found, "infer.diagnosis");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().what, testing::HasSubstr("did you mean \"infer.diagnoses\""));
}

// Its name is what the user gave wrongly; a pipeline that does not run is another matter.
TEST_F(Running, EndsATapWithTwoForAStageThatIsNotThere) {
  touch("p", "infer.status");
  touch("p", "infer.diagnoses.tap");
  for (const auto& [words, code] :
       {std::pair{"tap infre --run-dir ", exit_bad_input},
        std::pair{"tap infer --pipeline other --run-dir ", exit_failure}}) {
    CommandContext context;
    CLI::App app;
    build_app(app, context);
    context.share_directory = GALA_SHARE_DIR;
    app.parse(words + root, false);
    testing::internal::CaptureStderr();
    EXPECT_EQ(context.run(), code) << words;
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("(there: "));
  }
}

}  // namespace
}  // namespace gala
