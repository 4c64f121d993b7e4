// Goal: a live diagnosis offers a remedy that mends it, and one that does not mend it is taken
// back. Method: a Redis under load, real faults (an accept queue that overflows in a network
// namespace of its own, a CPU limit), the shipped pipeline with shorter warmups, and `gala remedy`
// as people run it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "runtime/cli/arguments.h"
#include "runtime/cli/demo/fault.h"
#include "runtime/cli/demo/private_pipeline.h"
#include "runtime/cli/remedy/listen_backlog.h"
#include "runtime/cli/workspace.h"
#include "runtime/core/read_file.h"
#include "tests/remedy/cpu_group.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using demo::Scene;
using demo::SceneOptions;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr auto settling = 16s;
constexpr auto diagnosis_limit = 40s;

/// What the model's checks learn in 30 s is learned in less, for the test's sake.
constexpr auto shorter = R"(
[override.sli.check.latency_mean]
warmup = "10s"
[override.sli.check.latency_p95]
warmup = "10s"
[override.sli.check.throughput_low]
warmup = "10s"
[override.sli.check.request_waits]
warmup = "10s"
[override.endpoint_tcp.check.handshake_mean]
warmup = "10s"
)";

/// Why this cannot run here, or nothing.
std::optional<std::string> obstacle() {
  if (::geteuid() != 0) {
    return "needs root: BPF, network namespaces, control groups";
  }
  if (!find_program("redis-server", "redis-server")) {
    return "needs the package redis-server";
  }
  if (!CpuGroup::make("/gala-remedy-probe-" + std::to_string(::getpid()))) {
    return "needs control groups with CPU limits";
  }
  return std::nullopt;
}

/// One pipeline for all faults: it has to learn what is usual first.
class RemedyLive : public testing::Test {
 protected:
  void SetUp() override {
    const auto reason = obstacle();
    if (reason && std::getenv("REQUIRE_KERNEL") != nullptr) {
      FAIL() << *reason;
    }
    if (reason) {
      GTEST_SKIP() << *reason;
    }
    std::string pattern = "/tmp/gala-remedy-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    if (auto group = CpuGroup::make("/gala-remedy-" + std::to_string(::getpid()))) {
      group_.emplace(std::move(*group));
    }
    ASSERT_TRUE(group_);
  }

  void TearDown() override {
    pipeline_.reset();
    queued_.reset();
    limited_.reset();
    group_.reset();
    if (!HasFailure() && !directory_.empty()) {
      fs::remove_all(directory_);
    }
  }

  /// A Redis under load.
  void start_scene(SceneOptions options, const std::string& name, std::optional<Scene>& into) {
    options.directory = directory_ + "/" + name;
    fs::create_directories(options.directory);
    options.port = demo::free_port().value();
    options.load.port = options.port;
    auto scene = Scene::start(options);
    ASSERT_TRUE(scene) << scene.error().what;
    into.emplace(std::move(*scene));
    ASSERT_TRUE(into->start_load());
  }

  void start_pipeline() {
    context_.program_directory = GALA_PROGRAM_DIR;
    context_.share_directory = GALA_SHARE_DIR;
    const std::string file = directory_ + "/single-host.toml";
    std::ofstream(file) << read_file(pipeline_file(context_, "single-host")).value() << shorter;
    Workspace workspace = load_workspace(context_, std::vector<std::string>{file}, true);
    ASSERT_FALSE(workspace.diagnostics.has_errors())
        << workspace.diagnostics.render(workspace.sources);
    auto started = demo::PrivatePipeline::start(context_, workspace.pipelines.at(0), file,
                                                directory_, interrupt_);
    ASSERT_TRUE(started) << started.error().what;
    pipeline_.emplace(std::move(*started));
    wait_until([] { return false; }, settling);
  }

  /// `gala remedy` about what was diagnosed since the fault.
  Finished remedy(const std::vector<std::string>& more) const {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(current_instant().boot - injected_);
    std::vector<std::string> arguments{std::string(GALA_PROGRAM_DIR) + "/gala",
                                       "--state-dir",
                                       directory_ + "/state",
                                       "remedy",
                                       "--since",
                                       fmt::format("{}s", seconds.count() + 1)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, 60s).value_or(Finished{-1, "did not run"});
  }

  /// Waits until a diagnosis since `injected_` offers that remedy; what is printed of it.
  std::string offered(const std::string& id) const {
    std::string shown;
    wait_until(
        [&] {
          shown = remedy({"--id", id}).output;
          return shown.find("proposed") != std::string::npos;
        },
        diagnosis_limit);
    std::cout << "after "
              << std::chrono::duration<double>(current_instant().boot - injected_).count() << " s\n"
              << shown;
    return shown;
  }

  Finished apply(const std::string& id, const std::string& within) const {
    Finished applied = remedy({"--apply", "--yes", "--id", id, "--within", within});
    std::cout << applied.output;
    return applied;
  }

  std::string directory_;
  CommandContext context_;
  Interrupt interrupt_;
  std::optional<CpuGroup> group_;
  std::optional<Scene> queued_;
  std::optional<Scene> limited_;
  std::optional<demo::PrivatePipeline> pipeline_;
  BootTime injected_;
};

TEST_F(RemedyLive, MendsWhatItCanAndTakesBackWhatDoesNotHelp) {
  const auto storm = demo::make_fault("accept-queue");
  SceneOptions queue_options;
  ASSERT_TRUE(storm->prepare(queue_options));
  queue_options.private_network = true;
  ASSERT_NO_FATAL_FAILURE(start_scene(queue_options, "queued", queued_));
  SceneOptions limit_options;
  limit_options.cgroup_procs = group_->procs_file();
  ASSERT_NO_FATAL_FAILURE(start_scene(limit_options, "limited", limited_));
  ASSERT_NO_FATAL_FAILURE(start_pipeline());

  // An accept queue that is too short.
  const Listener listener{queued_->redis_pid(), queued_->options().port};
  const std::uint32_t short_queue = backlog_of(listener).value();
  injected_ = current_instant().boot;
  ASSERT_TRUE(storm->inject(*queued_));
  EXPECT_THAT(offered("somaxconn"), HasSubstr("accept queue of process"));
  EXPECT_EQ(backlog_of(listener).value(), short_queue) << "showing changes nothing";
  const Finished lengthened = apply("somaxconn", "40s");
  EXPECT_EQ(lengthened.exit_code, 0);
  EXPECT_THAT(lengthened.output, HasSubstr("The KPI recovered"));
  EXPECT_EQ(backlog_of(listener).value(), 4096U);
  storm->remove();

  // A CPU limit that is too low.
  injected_ = current_instant().boot;
  ASSERT_TRUE(group_->limit(0.015));
  EXPECT_THAT(offered("cpu_limit"), HasSubstr("CPU limit"));
  const Finished raised = apply("cpu_limit", "40s");
  EXPECT_EQ(raised.exit_code, 0);
  EXPECT_THAT(raised.output, HasSubstr("The KPI recovered"));

  // What was said of the last fault must not be taken for what is said of the next.
  wait_until([] { return false; }, 4s);

  // The same, while requests keep the server busy that are slow by themselves.
  const auto slow = limited_->run_inside(
      [port = limited_->options().port] { return demo::run_slow_commands({.port = port}); });
  ASSERT_TRUE(slow);
  ASSERT_TRUE(group_->limit(0.015));
  const std::string low = group_->limit_text();
  injected_ = current_instant().boot;
  EXPECT_THAT(offered("cpu_limit"), HasSubstr(low));
  const Finished in_vain = apply("cpu_limit", "6s");
  EXPECT_EQ(in_vain.exit_code, 1);
  EXPECT_THAT(in_vain.output, HasSubstr("did not recover in time"));
  EXPECT_EQ(group_->limit_text(), low);
}

}  // namespace
}  // namespace gala
