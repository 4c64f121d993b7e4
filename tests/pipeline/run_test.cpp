// Goal: `gala run` and `gala stop` do under a real supervisord what the README says. Method: the
// installed command line, a small pipeline without privileges, and what /proc tells of its stages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "runtime/cli/process.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto pipeline_text = R"([pipeline]
name = "run-test"
period = "200ms"
[stages.system]
run = "proc-source"
[stages.assemble]
run = "entity-assembler"
from = ["system"]
[stages.keep]
run = "record-sink"
from = ["assemble"]
)";

constexpr std::array stages{"system", "assemble", "keep"};

class Run : public testing::Test {
 protected:
  Run() {
    // Socket paths are limited to 107 bytes, so not below the build directory.
    std::string pattern = "/tmp/gala-run-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    write(pipeline_text);
  }

  ~Run() override {
    gala({"stop", file()});
    if (!HasFailure()) {
      std::filesystem::remove_all(directory_);
    }
  }

  void SetUp() override {
    if (!find_program("supervisord", "supervisor")) {
      GTEST_SKIP() << "no supervisord here; install it: apt-get install supervisor";
    }
  }

  [[nodiscard]] std::string file() const { return directory_ + "/run-test.toml"; }
  void write(const std::string& text) const { std::ofstream(file()) << text; }

  Finished gala(std::vector<std::string> words) const {
    words.insert(words.begin(), std::string(GALA_PROGRAM_DIR) + "/gala");
    for (const char* name : {"run", "state"}) {
      words.push_back("--" + std::string(name) + "-dir");
      words.push_back(directory_ + "/" + name);
    }
    return run_program(words, 120s).value();
  }

  /// The process of each stage that runs in this test's directory, by stage name.
  [[nodiscard]] std::map<std::string, pid_t> processes() const {
    std::map<std::string, pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream stream(entry.path() / "cmdline");
      const std::string line{std::istreambuf_iterator<char>(stream), {}};
      if (line.find(directory_) == std::string::npos) {
        continue;
      }
      for (const char* stage : stages) {
        if (line.find("--stage" + std::string(1, '\0') + stage + '\0') != std::string::npos) {
          found[stage] = static_cast<pid_t>(std::stoi(entry.path().filename()));
        }
      }
    }
    return found;
  }

  template <class Condition>
  [[nodiscard]] static bool becomes(Condition condition) {
    for (int i = 0; i < 200 && !condition(); ++i) {
      std::this_thread::sleep_for(100ms);
    }
    return condition();
  }

  std::string directory_;
};

TEST_F(Run, StartsAllRestartsWhatIsKilledAndStopsAll) {
  const Finished run = gala({"run", file(), "--detach"});
  ASSERT_EQ(run.exit_code, 0) << run.output;
  EXPECT_THAT(run.output, HasSubstr("run-test is running"));
  const auto before = processes();
  ASSERT_EQ(before.size(), stages.size());

  ASSERT_EQ(::kill(before.at("assemble"), SIGKILL), 0);
  EXPECT_TRUE(becomes([&] {
    const auto now = processes();
    return now.contains("assemble") && now.at("assemble") != before.at("assemble");
  })) << "supervisord did not restart a killed stage";

  const Finished stop = gala({"stop", file()});
  EXPECT_EQ(stop.exit_code, 0) << stop.output;
  EXPECT_TRUE(becomes([&] { return processes().empty(); }));
  EXPECT_EQ(gala({"stop", file()}).exit_code, 0) << "stopping what is stopped is no error";
  const Finished unknown = gala({"stop", "nonesuch"});
  EXPECT_EQ(unknown.exit_code, 2) << "but a name that nothing has is one";
}

TEST_F(Run, AppliesAChangedFileToWhatRuns) {
  ASSERT_EQ(gala({"run", file(), "--detach"}).exit_code, 0);
  const auto before = processes();
  ASSERT_EQ(before.size(), stages.size());
  write(std::string(pipeline_text) + "max_size_mib = 1\n");
  const Finished again = gala({"run", file(), "--detach"});
  ASSERT_EQ(again.exit_code, 0) << again.output;
  const auto after = processes();
  ASSERT_EQ(after.size(), stages.size());
  EXPECT_NE(after.at("keep"), before.at("keep")) << "its section changed";
}

TEST_F(Run, LeavesAWrongFileAlone) {
  ASSERT_EQ(gala({"run", file(), "--detach"}).exit_code, 0);
  const auto before = processes();
  write(std::string(pipeline_text) + "form = [\"assemble\"]\n");
  const Finished refused = gala({"run", file(), "--detach"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.output, HasSubstr("did you mean \"from\""));
  EXPECT_EQ(processes(), before) << "the old one goes on";
}

TEST_F(Run, NamesTheRemedyWhenThereIsNoSupervisord) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root: hides supervisord in a mount namespace";
  }
  const std::string daemon = find_program("supervisord", "supervisor").value();
  const Finished hidden =
      run_program(std::vector<std::string>{"/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                                           "mount --bind /dev/null \"$1\" && exec \"$2\" run "
                                           "\"$3\" --detach --run-dir \"$4/run\" "
                                           "--state-dir \"$4/state\"",
                                           "sh", daemon, std::string(GALA_PROGRAM_DIR) + "/gala",
                                           file(), directory_},
                  60s)
          .value();
  EXPECT_EQ(hidden.exit_code, 2);
  EXPECT_THAT(hidden.output, HasSubstr("apt-get install supervisor"));
  EXPECT_TRUE(processes().empty());
}

}  // namespace
}  // namespace gala
