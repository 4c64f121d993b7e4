// Goal: what the design promises of several processes together holds for real ones. Method: the
// stages of a small pipeline over ipc, looked at through their status sockets only, as any user
// could.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <zmq.hpp>

#include "runtime/cli/reconcile.h"
#include "runtime/core/graph.h"
#include "tests/pipeline/test_pipeline.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

/// The sink has received `more` than in `before`.
std::function<bool(const Statuses&)> receives_more(std::uint64_t before, std::uint64_t more) {
  return [=](const Statuses& all) { return received_by(all, "keep") >= before + more; };
}

std::string keep_endpoint(const TestPipeline& pipeline) {
  Edge edge;
  edge.from = "assemble";
  edge.port = "observations";
  edge.to = "keep";
  return edge_endpoint(pipeline.run_directory(), edge);
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Pipeline, FlowsWhateverStartsFirst) {
  for (const auto& order : {std::vector<std::string>{"keep", "assemble", "system"},
                            std::vector<std::string>{"system", "assemble", "keep"}}) {
    TestPipeline pipeline;
    for (const std::string& stage : order) {
      pipeline.start(stage);
      ASSERT_TRUE(pipeline.becomes([&](const Statuses& all) { return all.contains(stage); }))
          << pipeline.log_of(stage);
    }
    EXPECT_TRUE(pipeline.becomes(receives_more(0, 5))) << "started last: " << order.back();
  }
}

TEST(Pipeline, CountsWhatAKilledStageLost) {
  TestPipeline pipeline;
  for (const char* stage : {"system", "assemble", "keep"}) {
    pipeline.start(stage);
  }
  ASSERT_TRUE(pipeline.becomes(receives_more(0, 5)));
  pipeline.kill("assemble");
  pipeline.start("assemble");
  const std::uint64_t before = received_by(pipeline.fresh(), "keep");
  ASSERT_TRUE(pipeline.becomes(receives_more(before, 10))) << "no flow after the restart";

  // The source stops, what is under way arrives, and then the books of both edges must balance.
  const Statuses earlier = pipeline.fresh();
  Audit audit;
  const bool balanced = pipeline.becomes(
      [&](const Statuses& all) {
        audit = reconcile(earlier, all);
        return audit.balanced() && audit.edges.size() == 2;
      },
      15s);
  EXPECT_TRUE(balanced) << audit_text(audit);
}

TEST(Pipeline, DrainsWithinTwoSecondsOfSigterm) {
  TestPipeline pipeline;
  for (const char* stage : {"system", "assemble", "keep"}) {
    pipeline.start(stage);
  }
  ASSERT_TRUE(pipeline.becomes(receives_more(0, 5)));
  for (const char* stage : {"system", "assemble", "keep"}) {
    ::kill(pipeline.process(stage).pid(), SIGTERM);
    const BootTime asked = current_instant().boot;
    const auto code = pipeline.process(stage).wait(5s);
    EXPECT_EQ(code, 0) << stage << ": " << pipeline.log_of(stage);
    EXPECT_LT(current_instant().boot - asked, 2s) << stage;
  }
}

TEST(Pipeline, RefusesASecondProcessOfAStage) {
  TestPipeline pipeline;
  pipeline.start("keep");
  ASSERT_TRUE(pipeline.becomes([](const Statuses& all) { return all.contains("keep"); }));
  Child second = pipeline.start_second("keep");
  const auto code = second.wait(10s);
  ASSERT_TRUE(code);
  EXPECT_NE(code, 0);
  EXPECT_THAT(read(pipeline.directory() + "/keep.second.log"),
              testing::HasSubstr("in use by another process"));
  EXPECT_FALSE(pipeline.process("keep").ended()) << "the first one must not notice";
}

TEST(Pipeline, KeepsCorruptFramesOut) {
  TestPipeline pipeline;
  for (const char* stage : {"system", "assemble", "keep"}) {
    pipeline.start(stage);
  }
  ASSERT_TRUE(pipeline.becomes(receives_more(0, 5)));

  zmq::context_t context;
  zmq::socket_t hostile(context, zmq::socket_type::push);
  hostile.connect(keep_endpoint(pipeline));
  hostile.send(zmq::str_buffer("one part only"), zmq::send_flags::none);
  hostile.send(zmq::str_buffer("observations/x"), zmq::send_flags::sndmore);
  hostile.send(zmq::str_buffer("no header"), zmq::send_flags::sndmore);
  hostile.send(zmq::str_buffer("no payload"), zmq::send_flags::none);

  const auto refused = [](const Statuses& all) {
    return all.at("keep").in_edges.front()->invalid == 2;
  };
  EXPECT_TRUE(pipeline.becomes(refused));
  EXPECT_FALSE(std::filesystem::is_empty(pipeline.run_directory() + "/rejected"));
  const std::uint64_t before = received_by(pipeline.fresh(), "keep");
  EXPECT_TRUE(pipeline.becomes(receives_more(before, 5))) << "what is good must still flow";
}

TEST(Pipeline, LosesNothingToAStalledTap) {
  TestPipeline pipeline;
  for (const char* stage : {"system", "assemble", "keep"}) {
    pipeline.start(stage);
  }
  ASSERT_TRUE(pipeline.becomes(receives_more(0, 1)));
  zmq::context_t context;
  zmq::socket_t stalled(context, zmq::socket_type::sub);
  stalled.set(zmq::sockopt::rcvhwm, 1);
  stalled.set(zmq::sockopt::linger, 0);
  stalled.set(zmq::sockopt::subscribe, "");
  stalled.connect(tap_endpoint(pipeline.run_directory(), "assemble", "observations"));
  zmq::message_t first;
  stalled.set(zmq::sockopt::rcvtimeo, 10000);
  ASSERT_TRUE(stalled.recv(first)) << "the tap must be connected before it stalls";

  const std::uint64_t before = received_by(pipeline.fresh(), "keep");
  ASSERT_TRUE(pipeline.becomes(receives_more(before, 50)));
  const Statuses now = pipeline.fresh();
  for (const auto& edge : now.at("assemble").out_edges) {
    EXPECT_EQ(edge->offered, edge->sent);
  }
}

TEST(Pipeline, RefusesAWrongFileWithAllErrorsAtOnce) {
  TestPipeline pipeline;
  pipeline.write(
      "[pipeline]\nname = \"test\"\nperiod = \"soon\"\n[stages.keep]\nrun = \"record-sink\"\n"
      "from = [\"nobody\"]\ncolour = \"red\"\n");
  pipeline.start("keep");
  EXPECT_EQ(pipeline.process("keep").wait(10s), 2);
  const std::string log = pipeline.log_of("keep");
  EXPECT_THAT(log, testing::HasSubstr("test.toml:3:"));
  EXPECT_THAT(log, testing::HasSubstr("nobody"));
  EXPECT_THAT(log, testing::HasSubstr("colour"));
}

}  // namespace
}  // namespace gala
