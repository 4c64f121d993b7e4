// Pipeline files: what is right, and one case for each thing that can be wrong.
#include "runtime/core/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace gala {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using wire::MessageType;

StageCatalog catalog() {
  StageCatalog all;
  all["source"] = {"source", "Measures.", {}, {{"records", {MessageType::records}, ""}}, ""};
  all["join"] = {
      "join",
      "Joins.",
      {MessageType::records},
      {{"observations", {MessageType::observations}, ""}, {"events", {MessageType::event}, ""}},
      ""};
  all["judge"] = {
      "judge", "Judges.", {MessageType::observations}, {{"events", {MessageType::event}, ""}}, ""};
  all["loop"] = {
      "loop", "Joins events.", {MessageType::event}, {{"events", {MessageType::event}, ""}}, ""};
  all["sink"] = {"sink", "Writes.", {MessageType::observations, MessageType::event}, {}, ""};
  return all;
}

constexpr std::string_view head = "[pipeline]\nname = \"p\"\nperiod = \"1s\"\n";

struct Checked {
  std::optional<Pipeline> pipeline;
  Diagnostics diagnostics;
};

/// Line 4 is the first of `stages`.
Checked check(std::string_view stages, std::string_view beginning = head) {
  Checked checked;
  checked.pipeline =
      parse_pipeline({"p.toml", std::string(beginning) + std::string(stages)}, checked.diagnostics);
  if (checked.pipeline) {
    check_pipeline(*checked.pipeline, catalog(), checked.diagnostics);
  }
  return checked;
}

TEST(Pipeline, ReadsStagesEdgesAndFillsInDefaultPorts) {
  const Checked checked = check(
      "[stages.k]\nrun = \"source\"\n"
      "[stages.j]\nrun = \"join\"\nfrom = [\"k\"]\n"
      "[stages.w]\nrun = \"sink\"\nqueue = 50\n"
      "from = [\"j\", \"j.events\", { stage = \"l\", delivery = \"block\", queue = 10000 }]\n"
      "[stages.l]\nrun = \"judge\"\nfrom = [\"j\"]\n");
  ASSERT_FALSE(checked.diagnostics.has_errors()) << checked.diagnostics.render({});
  const Pipeline& pipeline = *checked.pipeline;
  EXPECT_EQ(pipeline.name, "p");
  EXPECT_EQ(pipeline.period, 1s);
  EXPECT_EQ(pipeline.stages.at(0).name, "k") << "order of the file";
  const StageNode* sink = pipeline.find("w");
  EXPECT_EQ(sink->from.at(0).port, "observations");
  EXPECT_EQ(sink->from.at(0).queue, 50);
  EXPECT_EQ(sink->from.at(1).port, "events");
  EXPECT_EQ(sink->from.at(2).delivery, Delivery::block);
  EXPECT_EQ(sink->from.at(2).queue, 10000);
  EXPECT_EQ(pipeline.edges_from("j").size(), 3U);
  const auto order = topological_order(pipeline);
  ASSERT_EQ(order.size(), 4U);
  EXPECT_EQ(order.back()->name, "w");
}

struct WrongPipeline {
  std::string_view stages;
  unsigned line;
  std::string_view expected;
};

// Each text has exactly one thing wrong, which must be said in these words at that line.
const std::vector<WrongPipeline> wrong_pipelines{
    {"[stages.k]\nrun = \"sorce\"\n", 5,
     "unknown stage program \"sorce\"; did you mean \"source\"?"},
    {"[stages.k]\nrun = \"nothing-like-it\"\n", 5, "installed are \"join\", \"judge\""},
    {"[stages.k]\nrnu = \"source\"\n", 4, "lacks \"run\""},
    {"[stages.k]\nrun = 3\n", 5, "wants a text"},
    {"[stages.K]\nrun = \"source\"\n", 4, "cannot name a stage"},
    {"[stages.a234567890123456789012345678901x]\nrun = \"source\"\n", 4, "at most 31"},
    {"[stages.k]\nrun = \"source\"\n[extra]\n", 6, "unknown key \"extra\""},
    {"[stages.k]\nrun = \"source\"\n[stages.m]\nrun = \"source\"\nfrom = [\"k\"]\n", 8,
     "is a source"},
    {"[stages.j]\nrun = \"join\"\n", 4, "has nothing to read"},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [\"kk\"]\n", 8,
     "unknown stage \"kk\""},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = \"k\"\n", 8,
     "wants a list of stages"},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [3]\n", 8, "\"stage.port\""},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [\"k.\"]\n", 8,
     "names no stage"},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [\"k.record\"]\n", 8,
     "has no port \"record\"; did you mean \"records\"?"},
    {"[stages.k]\nrun = \"source\"\n[stages.l]\nrun = \"judge\"\nfrom = [\"k\"]\n", 8,
     "wants observations, but \"k.records\" sends records"},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [\"k\", \"k\"]\n", 8,
     "already reads from"},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [\"k\"]\nqueue = 0\n", 9,
     "between 1 and 1000000"},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [{ stage = \"k\", quue = "
     "1 }]\n",
     8, "did you mean \"queue\"?"},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [{ port = \"records\" "
     "}]\n",
     8, "lacks \"stage\""},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [\"k\"]\ndelivery = "
     "\"durable\"\n",
     9, "not available in this release; use \"block\""},
    {"[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [\"k\"]\ndelivery = "
     "\"blok\"\n",
     9, "did you mean \"block\"?"},
    {"[stages.k]\nrun = \"source\"\non = \"db\"\n", 6, "spreading a pipeline over hosts"},
    {"[stages.k]\nrun = \"source\"\ncount = 4\n", 6, "spreading a pipeline over hosts"},
    {"[hosts.db]\n[stages.k]\nrun = \"source\"\n", 4, "spreading a pipeline over hosts"},
    {"[stages.a]\nrun = \"loop\"\nfrom = [\"b\"]\n[stages.b]\nrun = \"loop\"\nfrom = [\"a\"]\n", 9,
     "form a cycle: a → b → a"},
    {"[stages.a]\nrun = \"loop\"\nfrom = [\"a\"]\n", 6, "form a cycle: a → a"},
};

TEST(Pipeline, SaysWhatIsWrongAndWhere) {
  for (const WrongPipeline& one : wrong_pipelines) {
    const Checked checked = check(one.stages);
    const auto found = checked.diagnostics.sorted();
    EXPECT_EQ(found.size(), 1U) << one.stages << checked.diagnostics.render({});
    if (found.empty()) {
      continue;
    }
    EXPECT_THAT(found.front().text, HasSubstr(one.expected)) << one.stages;
    EXPECT_EQ(found.front().place.line, one.line) << one.stages;
  }
}

TEST(Pipeline, ChecksItsHead) {
  struct Case {
    std::string_view text;
    std::string_view expected;
  };
  for (const Case& one :
       {Case{"", "no [pipeline] table"},
        {"[pipeline]\n", "lacks \"name\""},
        {"[pipeline]\nname = \"\"\n", "empty \"name\""},
        {"[pipeline]\nname = \"Ab\"\n", "cannot name a pipeline"},
        {"[pipeline]\nname = \"p\"\nperiod = \"10ms\"\n", "between 100ms and 1h"},
        {"[pipeline]\nname = \"p\"\nperiode = \"1s\"\n", "did you mean \"period\"?"},
        {"pipeline = 3\n", "must be a table"}}) {
    const Checked checked = check("[stages.k]\nrun = \"source\"\n", one.text);
    const auto found = checked.diagnostics.sorted();
    ASSERT_EQ(found.size(), 1U) << one.text << checked.diagnostics.render({});
    EXPECT_THAT(found.front().text, HasSubstr(one.expected)) << one.text;
  }
  EXPECT_TRUE(check("").diagnostics.has_errors()) << "a pipeline without stages";
  EXPECT_TRUE(check("stages = 3\n", "").diagnostics.has_errors());
}

TEST(Pipeline, ReportsAllErrorsAtOnce) {
  const Checked checked = check(
      "[stages.k]\nrun = \"sorce\"\non = \"x\"\n[stages.j]\nrun = \"join\"\nfrom = [\"kk\", 3]\n");
  EXPECT_EQ(checked.diagnostics.sorted().size(), 4U) << checked.diagnostics.render({});
}

TEST(Endpoints, FitIntoSocketAddresses) {
  const Checked checked =
      check("[stages.k]\nrun = \"source\"\n[stages.j]\nrun = \"join\"\nfrom = [\"k\"]\n");
  Diagnostics diagnostics;
  check_endpoints(*checked.pipeline, "/run/gala/p", diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(edge_endpoint("/run/gala/p", checked.pipeline->stages.at(1).from.at(0)),
            "ipc:///run/gala/p/j.k.records");
  EXPECT_EQ(tap_endpoint("/r", "k", "records"), "ipc:///r/k.records.tap");
  EXPECT_EQ(status_endpoint("/r", "k"), "ipc:///r/k.status");
  check_endpoints(*checked.pipeline, "/" + std::string(100, 'd'), diagnostics);
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(Delivery, HasOneWordEach) {
  for (const Delivery delivery : {Delivery::drop, Delivery::block, Delivery::durable}) {
    EXPECT_EQ(parse_delivery(to_string(delivery)), delivery);
  }
  EXPECT_FALSE(parse_delivery("sometimes"));
}

}  // namespace
}  // namespace gala
