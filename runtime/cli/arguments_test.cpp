// Every command takes a pipeline by the same names, and a time in the same forms.
#include "runtime/cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "runtime/core/moment.h"

namespace gala {
namespace {

using ::testing::HasSubstr;

class Arguments : public testing::Test {
 protected:
  Arguments() {
    std::string pattern = testing::TempDir() + "arguments_XXXXXX";
    directory = ::mkdtemp(pattern.data());
    context.share_directory = directory;
    std::filesystem::create_directories(directory + "/pipelines");
    std::ofstream(directory + "/pipelines/one.toml") << "[pipeline]\nname = \"first\"\n"
                                                        "[stages.a]\nrun = \"b\"\n";
    build_app(app, tree_context);
  }
  ~Arguments() override { std::filesystem::remove_all(directory); }

  /// What stops the parser at this command line, "" when nothing does.
  std::string refusal(const std::string& line) {
    try {
      app.parse(line, false);
    } catch (const CLI::ParseError& error) {
      return error.what();
    }
    return {};
  }

  std::string directory;
  CommandContext context;
  CommandContext tree_context;
  CLI::App app;
};

TEST_F(Arguments, FindAPipelineByNameFileAndFileName) {
  const std::string file = directory + "/pipelines/one.toml";
  for (const std::string& wanted :
       {std::string("one"), std::string("one.toml"), std::string("first"), file}) {
    const NamedPipeline found = name_pipeline(context, wanted);
    EXPECT_EQ(found.name, "first") << wanted;
    EXPECT_EQ(found.file, file) << wanted;
  }
}

// It may run although its file is gone.
TEST_F(Arguments, NameAPipelineWithoutAFile) {
  for (const char* wanted : {"other", "other.toml", "/gone/other.toml"}) {
    const NamedPipeline found = name_pipeline(context, wanted);
    EXPECT_EQ(found.name, "other") << wanted;
    EXPECT_EQ(found.file, "") << wanted;
    EXPECT_EQ(pipeline_file(context, wanted), wanted);
  }
  EXPECT_EQ(name_pipeline(context, "").name, "");
}

TEST_F(Arguments, TakeAPipelineInEveryCommandThatHasOne) {
  std::size_t with_pipeline = 0;
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    if (command->get_option_no_throw("--pipeline") == nullptr) {
      continue;
    }
    ++with_pipeline;
    EXPECT_THAT(command->get_option("--pipeline")->get_description(),
                HasSubstr("A pipeline's name, its file or the file's name"))
        << command->get_name();
  }
  EXPECT_GE(with_pipeline, 14U);
  for (const char* line :
       {"top one", "stop one", "run one", "check one", "graph one", "audit one", "doctor one",
        "events one", "incidents one", "diagnoses one", "topology one", "remedy one", "demo one",
        "deploy systemd one", "tap --pipeline one", "flame --pipeline one", "top --pipeline one",
        "stop --pipeline one"}) {
    app.clear();
    EXPECT_EQ(refusal(line), "") << line;
  }
}

TEST_F(Arguments, ExplainEveryTimeInTheSameWords) {
  std::size_t times = 0;
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_type_name() == "TIME") {
        ++times;
        EXPECT_THAT(option->get_description(), HasSubstr(std::string(moment_forms)))
            << command->get_name() << " " << option->get_name();
      }
    }
  }
  EXPECT_GE(times, 11U);
}

}  // namespace
}  // namespace gala
