// What Tab offers: commands, options, words of a kind; and what the shells' stubs make of it.
#include "runtime/cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/cli/command.h"

namespace gala {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Completion : public testing::Test {
 protected:
  Completion() { build_app(app, context); }

  /// The words behind "gala", the last of which is being written.
  std::vector<std::string> offered(const std::vector<std::string>& words) {
    const auto ask = [this](const std::string& type, const CommandLine& line) {
      asked = type;
      said = line;
      return type == "PIPELINE" ? names : std::vector<Candidate>{};
    };
    std::vector<std::string> found;
    for (const Candidate& one : complete(app, words, ask)) {
      found.push_back(one.word);
    }
    return found;
  }

  CommandContext context;
  CLI::App app;
  std::vector<Candidate> names{{"single-host", ""}, {"site", ""}};
  std::string asked;
  CommandLine said;
};

TEST_F(Completion, OffersEveryCommandButTheHiddenOnes) {
  const auto all = offered({""});
  for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    if (!command->get_group().empty()) {
      EXPECT_THAT(all, Contains(command->get_name()));
    }
  }
  EXPECT_THAT(all, Not(Contains("complete")));
  EXPECT_THAT(offered({"sto"}), ElementsAre("stop"));
  EXPECT_THAT(offered({"--run-dir", "/tmp/r", "sto"}), ElementsAre("stop"));
}

TEST_F(Completion, OffersOptionsOfTheCommandAndOfGala) {
  EXPECT_THAT(offered({"graph", "--f"}), ElementsAre("--format"));
  EXPECT_THAT(offered({"graph", "--"}), Contains("--state-dir"));
  EXPECT_THAT(offered({"--st"}), ElementsAre("--state-dir"));
}

TEST_F(Completion, OffersTheWordsOfAnOption) {
  EXPECT_THAT(offered({"graph", "--format", ""}), ElementsAre("terminal", "dot", "mermaid"));
  EXPECT_THAT(offered({"graph", "--format=d"}), ElementsAre("--format=dot"));
  EXPECT_THAT(offered({"graph", "--format", "=", "d"}), ElementsAre("dot")) << "as bash splits it";
  EXPECT_THAT(offered({"graph", "--format", "="}), ElementsAre("terminal", "dot", "mermaid"));
  EXPECT_THAT(offered({"top", "--pipeline", "si"}), ElementsAre("single-host", "site"));
  offered({"events", "--entity", ""});
  EXPECT_EQ(asked, "ENTITY");
}

TEST_F(Completion, OffersWhatStandsWithoutAnOption) {
  EXPECT_THAT(offered({"stop", "sin"}), ElementsAre("single-host"));
  EXPECT_THAT(offered({"deploy", ""}), ElementsAre("supervisord", "systemd"));
  EXPECT_THAT(offered({"deploy", "systemd", "sin"}), ElementsAre("single-host"));
  EXPECT_THAT(offered({"check", "one", "two", "sin"}), ElementsAre("single-host"));
  EXPECT_THAT(offered({"stop", "single-host", ""}), IsEmpty());
  offered({"tap", ""});
  EXPECT_EQ(asked, "STAGE");
}

TEST_F(Completion, ReadsTheDirectoriesOnTheLine) {
  offered({"top", "--run-dir", "/tmp/r", ""});
  EXPECT_THAT(said.shared, ElementsAre(std::pair<std::string, std::string>("--run-dir", "/tmp/r")));
}

// Others choose the names of processes and entities, and bash takes a candidate unquoted.
TEST_F(Completion, OffersNoNameThatAShellWouldObey) {
  names = {{"$(id>x);b", ""},
           {"a b", ""},
           {"`id`", ""},
           {"a\nb", ""},
           {"~", ""},
           {"名", ""},
           {"m1_proc_42@x:/a+b-c.d", ""}};
  EXPECT_THAT(offered({"top", "--pipeline", ""}), ElementsAre("m1_proc_42@x:/a+b-c.d"));
  EXPECT_THAT(offered({"top", "--pipeline=m"}), ElementsAre("--pipeline=m1_proc_42@x:/a+b-c.d"));
}

TEST_F(Completion, SurvivesWordsThatMeanNothing) {
  EXPECT_THAT(offered({}), IsEmpty());
  EXPECT_THAT(offered({"nothing", "--nothing", "="}), Not(Contains("nothing")));
  EXPECT_THAT(offered({"graph", "--nothing=x"}), IsEmpty());
}

TEST_F(Completion, IsReachedThroughTheHiddenCommand) {
  app.parse("complete -- graph --format d", false);
  EXPECT_EQ(app.get_subcommand("complete")->get_option("words")->results(),
            (std::vector<std::string>{"graph", "--format", "d"}));
  EXPECT_THAT(app.help(), Not(HasSubstr("complete  ")));
}

TEST_F(Completion, HasAStubForEveryShell) {
  for (const std::string_view shell : {"bash", "zsh", "fish"}) {
    EXPECT_THAT(std::string(completion_stub(shell)), HasSubstr("complete -- ")) << shell;
  }
}

}  // namespace
}  // namespace gala
