// Which remedies a cause offers, and with what in them.
#include "stages/infer/infer_testing.h"

namespace gala {
namespace {

using testing::World;

/// A service is slow because of the one that it calls, which waits for its disk.
Model chain_model() {
  const std::string head =
      "[entity]\nabout = \"a\"\nzh = \"a\"\nlevel = \"process\"\n[key.id]\nabout = "
      "\"a\"\n[table.main]\nfrom = \"probe.main\"\n";
  const std::string metric =
      "table = \"main\"\ntype = \"gauge\"\nunit = \"s\"\nabout = \"a\"\nzh = \"a\"\n";
  const std::vector<SourceText> files{
      {"disk.toml", head + "[metric.await]\n" + metric + R"(
[[remedy]]
id = "faster"
mends = ["disk.await"]
target = ["file:/sys/{cause.name|id}", "file:/sys/second"]
propose = "add:{cause.number}"
text = "It takes {cause.value}."
zh = "它需 {cause.value}。"
)"},
      {"sli.toml", head + "[metric.latency]\nkpi = true\n" + metric + R"(
[[remedy]]
id = "any_service"
mends = ["sli.latency"]
target = ["file:/sys/any"]
propose = "times:2"
text = "t"
zh = "t"
[[check]]
id = "slow"
metric = "latency"
kind = "deviation"
text = "slow"
zh = "slow"
[[cause]]
effect = "latency"
of = "disk.await"
path = [">uses:disk"]
prior = 0.9
keyword = "disk"
text = "slow disk"
zh = "slow disk"
[[cause]]
effect = "latency"
of = "sli.latency"
path = [">calls:sli"]
prior = 0.9
keyword = "application"
text = "slow service"
zh = "slow service"
)"}};
  Diagnostics diagnostics;
  return Model::parse(files, diagnostics);
}

TEST(Remedies, AreThoseOfEachStepThatOfTheRootFirst) {
  World world({}, chain_model());
  world.call_in_a_ring();
  world.settle();
  world.window(false, true);
  world.window(false, true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  const wire::CauseT& cause = *world.said[0].causes.at(0);
  EXPECT_EQ(cause.entity_id, "disk2");
  ASSERT_EQ(cause.remedies.size(), 2U);
  const wire::RemedyT& first = *cause.remedies[0];
  EXPECT_EQ(first.id, "faster");
  EXPECT_EQ(first.target, "file:/sys/2 + file:/sys/second");
  EXPECT_EQ(first.propose, "add:0.05");
  EXPECT_EQ(first.text, "It takes 50 ms.");
  EXPECT_EQ(cause.remedies[1]->id, "any_service") << "of the service between disk and KPI";
}

}  // namespace
}  // namespace gala
