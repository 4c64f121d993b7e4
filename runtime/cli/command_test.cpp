// The command tree as a whole: help with examples everywhere, drawings.
#include "runtime/cli/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/cli/graph_drawing.h"
#include "runtime/cli/reference_pages.h"

namespace gala {
namespace {

using ::testing::HasSubstr;

struct Tree {
  CommandContext context;
  CLI::App app;
  Tree() { build_app(app, context); }
  [[nodiscard]] std::vector<CLI::App*> commands() {
    return app.get_subcommands([](CLI::App*) { return true; });
  }
};

TEST(Commands, HaveHelpWithExamplesAndAGroup) {
  Tree tree;
  EXPECT_GE(tree.commands().size(), 6U);
  for (const CLI::App* command : tree.commands()) {
    EXPECT_THAT(command->get_footer(), HasSubstr("gala " + command->get_name()))
        << command->get_name();
    EXPECT_FALSE(command->get_description().empty());
    EXPECT_NE(command->get_group(), "Subcommands") << command->get_name();
  }
}

// Only commands that are modes of a stage's program leave --help to it.
TEST(Commands, SayTheirOptionsThemselvesOrLeaveThemToAStage) {
  Tree tree;
  for (const CLI::App* command : tree.commands()) {
    EXPECT_EQ(command->get_help_ptr() == nullptr, command->get_name() == "train")
        << command->get_name();
  }
}

TEST(Commands, TakeSharedOptionsAfterTheirName) {
  Tree tree;
  tree.app.parse("graph x.toml --format dot --run-dir /tmp/r", false);
  EXPECT_EQ(tree.context.run_directory, "/tmp/r");
}

TEST(Commands, EndWithTwoForAMomentThatIsNone) {
  for (const std::string line : {"topology --at soon", "topology --since 2026-02-31"}) {
    Tree tree;
    tree.app.parse(line, false);
    testing::internal::CaptureStderr();
    EXPECT_EQ(tree.context.run(), exit_bad_input) << line;
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("is no moment"));
  }
}

Pipeline pipeline() {
  Diagnostics diagnostics;
  return *parse_pipeline(
      {"p.toml",
       "[pipeline]\nname = \"p\"\n[stages.my-kernel]\nrun = \"source\"\n"
       "[stages.judge]\nrun = \"threshold\"\n"
       "from = [{ stage = \"my-kernel\", port = \"records\", delivery = \"block\" }]\n"},
      diagnostics);
}

TEST(Graph, IsDrawnInThreeWays) {
  EXPECT_THAT(draw_dot(pipeline()),
              HasSubstr("\"my-kernel\" -> \"judge\" [label = \"records, block\"]"));
  EXPECT_THAT(draw_mermaid(pipeline()),
              HasSubstr("stage_my_kernel -->|\"records, block\"| stage_judge"));
  EXPECT_THAT(draw_terminal(pipeline()),
              HasSubstr("      [judge · threshold]\n        ← my-kernel"));
}

TEST(ReferencePages, CoverStagesPipelinesEntitiesAndProbes) {
  StageDescriptionFile stage;
  stage.description = {"threshold", "Judges.", {wire::MessageType::observations}, {}, ""};
  stage.fields.push_back({"window", "duration", "\"5s\"", "a | b", 1, 2});
  Diagnostics diagnostics;
  const std::vector<SourceText> files{
      {"cpu.toml",
       "[entity]\nabout=\"A processor.\"\nzh=\"x\"\nlevel=\"host\"\n[key.cpu]\nabout=\"Number.\"\n"
       "[table.t]\nfrom=\"system.cpu\"\n"
       "[metric.used]\ntable=\"t\"\ntype=\"gauge\"\nunit=\"%\"\nabout=\"Use.\"\nzh=\"y\"\n"}};
  const Model model = Model::parse(files, diagnostics);
  const ProbeTable ends{"t", "Rows.", {{"process_end", "at_ns"}, {"process_comm", "comm"}}};
  const std::vector<ProbeInfo> probes{{"sched", "Waits.", "little", {ends}, {}}};
  const auto pages = reference_pages(std::span(&stage, 1), model, probes);
  ASSERT_EQ(pages.size(), 4U);
  EXPECT_THAT(pages[0].text,
              HasSubstr("| `window` | duration, default \"5s\", between 1s and 2s | a \\| b |"));
  EXPECT_THAT(pages[1].text, HasSubstr("pipeline.period"));
  EXPECT_THAT(pages[2].text, HasSubstr("| `used` | gauge in %: system.cpu.used | Use. | y |"));
  EXPECT_THAT(pages[3].text, HasSubstr("| `sched.t` | Rows. | `process_end` from `at_ns`, "));
}

}  // namespace
}  // namespace gala
