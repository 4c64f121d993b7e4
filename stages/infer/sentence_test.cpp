// Patterns become sentences.
#include "stages/infer/sentence.h"

#include <gtest/gtest.h>

#include "runtime/topology/replica_testing.h"

namespace gala::infer {
namespace {

/// One entity.
Replica graph_of(const std::string& id, const std::string& entity,
                 const replica_testing::LabelTexts& labels) {
  wire::TopologySnapshotT snapshot;
  snapshot.nodes.push_back(replica_testing::node(id, entity, labels));
  Replica graph({});
  replica_testing::apply(graph, snapshot);
  return graph;
}

TEST(Sentence, FillsWhatItKnowsAndMarksWhatIsMissing) {
  const Replica graph = graph_of("m1_proc_9", "proc", {{"comm", "stress"}, {"tgid", "9"}});
  const GraphNode hog = graph.node(0);
  AbnormalSeries cpu;
  cpu.metric = "cpu";
  cpu.verdict.level = 0.9;
  cpu.verdict.baseline = 0;
  AbnormalSeries delay;
  delay.verdict.level = 0.004;
  delay.verdict.baseline = 0.001;
  const Text text = fill_sentence(
      {"{cause.comm} ({cause.tgid}, {cause.cmdline}) uses {cause.value} ({cause.change}), delay "
       "{effect.value} ({effect.change}), {other}",
       "{cause.comm}占用{cause.value}"},
      {{cpu, hog, "%"}, {delay, hog, "s"}, {delay, hog, "s"}});
  EXPECT_EQ(text.en, "stress (9, ?) uses 0.9 % (from 0), delay 4 ms (×4), {other}");
  EXPECT_EQ(text.zh, "stress占用0.9 %");
}

TEST(Sentence, GivesProgramsTheNumberAndTheFirstLabelThatIsKnown) {
  const Replica graph = graph_of("m1_cgroup_/a", "cgroup", {{"cgroup", "/a"}});
  const GraphNode group = graph.node(0);
  AbnormalSeries throttled;
  throttled.verdict.level = 0.8125;
  const Roles roles{{throttled, group, "s/s"}, {throttled, group, "s"}, {throttled, group, "s"}};
  EXPECT_EQ(fill_sentence({"add:{cause.number} to {cause.memory_cgroup|cgroup}", ""}, roles).en,
            "add:0.8125 to /a");
  EXPECT_EQ(fill_sentence({"{cause.none|neither}", ""}, roles).en, "?");
}

TEST(Sentence, SaysWhatAGroupDoesTogether) {
  GraphNode hog;
  AbnormalSeries cpu;
  cpu.verdict.level = 14;
  const Roles roles{{cpu, hog, "%"}, {cpu, hog, "%"}, {cpu, hog, "%"}};
  const Text pattern{"takes {cause.value}{cause.together}", "占用 {cause.value}{cause.together}"};
  EXPECT_EQ(fill_sentence(pattern, roles).en, "takes 14 %");
  cpu.group_size = 6;
  cpu.group_level = 84;
  EXPECT_EQ(fill_sentence(pattern, roles).en, "takes 14 %, one of 6 that together have 84 %");
  EXPECT_EQ(fill_sentence(pattern, roles).zh, "占用 14 %，同类共 6 个，合计 84 %");
}

}  // namespace
}  // namespace gala::infer
