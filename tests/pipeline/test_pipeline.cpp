// Real stages as children of the test.
#include "tests/pipeline/test_pipeline.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/core/graph.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

constexpr auto pipeline_text = R"([pipeline]
name = "test"
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

const std::map<std::string, std::string>& programs() {
  static const std::map<std::string, std::string> by_stage{
      {"system", "proc-source"}, {"assemble", "entity-assembler"}, {"keep", "record-sink"}};
  return by_stage;
}

}  // namespace

TestPipeline::TestPipeline() {
  // Socket paths are limited to 107 bytes, so not below the build directory.
  std::string pattern = "/tmp/gala-test-XXXXXX";
  directory_ = ::mkdtemp(pattern.data());
  write(pipeline_text);
  RunningPipeline running{"test", run_directory(), {}, {}, {}};
  for (const auto& [stage, program] : programs()) {
    running.stages.push_back(stage);
    running.status_endpoints.push_back(status_endpoint(run_directory(), stage));
  }
  reader_ = StatusReader::open(running).value();
}

TestPipeline::~TestPipeline() {
  processes_.clear();
  if (!testing::Test::HasFailure()) {
    std::filesystem::remove_all(directory_);
  }
}

void TestPipeline::write(const std::string& text) {
  std::ofstream(directory_ + "/test.toml") << text;
}

std::vector<std::string> TestPipeline::command(const std::string& stage) const {
  return {std::string(GALA_PROGRAM_DIR) + "/gala-" + programs().at(stage),
          "--pipeline",
          directory_ + "/test.toml",
          "--stage",
          stage,
          "--run-dir",
          directory_ + "/run",
          "--state-dir",
          directory_ + "/state",
          "--share-dir",
          GALA_SHARE_DIR};
}

void TestPipeline::start(const std::string& stage) {
  auto child =
      Child::start_bound(command(stage), directory_ + "/" + stage + ".log", [] { return true; });
  ASSERT_TRUE(child) << child.error().what;
  processes_.insert_or_assign(stage, std::move(*child));
}

Child TestPipeline::start_second(const std::string& stage) const {
  return Child::start_bound(command(stage), directory_ + "/" + stage + ".second.log",
                            [] { return true; })
      .value();
}

void TestPipeline::kill(const std::string& stage) {
  ::kill(processes_.at(stage).pid(), SIGKILL);
  ASSERT_TRUE(processes_.at(stage).wait(10s));
}

bool TestPipeline::becomes(const std::function<bool(const Statuses&)>& wanted, Duration limit) {
  const BootTime deadline = current_instant().boot + limit;
  while (!wanted(reader_->newest())) {
    if (current_instant().boot > deadline) {
      return false;
    }
    reader_->collect(100ms);
  }
  return true;
}

Statuses TestPipeline::fresh(Duration limit) {
  const std::uint64_t after = current_instant().boot.ns();
  becomes(
      [&](const Statuses& all) {
        std::size_t fresh = 0;
        for (const auto& [stage, status] : all) {
          fresh += status.time_ns > after ? 1 : 0;
        }
        return fresh == processes_.size();
      },
      limit);
  return reader_->newest();
}

std::string TestPipeline::log_of(const std::string& stage) const {
  std::ifstream file(directory_ + "/" + stage + ".log");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::uint64_t received_by(const Statuses& statuses, const std::string& stage) {
  const auto found = statuses.find(stage);
  return found == statuses.end() || found->second.in_edges.empty()
             ? 0
             : found->second.in_edges.front()->received;
}

}  // namespace gala
