// Which remedies a cause offers, and with what in them.
#include "stages/infer/infer_testing.h"

namespace gala::infer {
namespace {

using testing::entity_file;
using testing::exposure_text;
using testing::hazard_text;
using testing::kpi_text;
using testing::metric_text;
using testing::relation_text;
using testing::World;

/// A service is slow because of the one that it calls, which waits for its disk.
Model chain_model() {
  return testing::model_of(
      {entity_file("disk", metric_text("await") + hazard_text("slow", "await", "slow disk") + R"(
[[remedy]]
id = "faster"
mends = ["disk.await"]
target = ["file:/sys/{cause.name|id}", "file:/sys/second"]
propose = "add:{cause.number}"
text = "It takes {cause.value}."
zh = "它需 {cause.value}。"
)"),
       entity_file("sli", kpi_text("latency") + relation_text("uses", "disk") +
                              relation_text("connect", "sli") +
                              hazard_text("slow", "latency", "slow service") +
                              exposure_text("latency", "slow", ">uses:disk") +
                              exposure_text("latency", "slow", ">connect:sli") +
                              R"(
[[remedy]]
id = "any_service"
mends = ["sli.latency"]
target = ["file:/sys/any"]
propose = "times:2"
text = "t"
zh = "t"
)")});
}

TEST(Remedies, AreThoseOfEachStepThatOfTheRootFirst) {
  World world({}, chain_model());
  world.call_in_a_ring();
  world.settle();
  world.trouble(false, true);
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
}  // namespace gala::infer
