// What a scraper reads of a stage: typed families, every sample with pipeline and stage, escaped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/core/self_status.h"

namespace gala::detail {
namespace {

using ::testing::HasSubstr;

TEST(StatusExposition, WritesTypedFamiliesWithEscapedLabels) {
  wire::StageStatusT status;
  status.pipeline = "p";
  status.stage = "a\"b\\c\nd";
  status.health = wire::Health::ok;
  status.cpu_ns = 1'500'000'000;
  auto edge = std::make_unique<wire::OutEdgeT>();
  edge->port = "records";
  edge->to = "keep";
  edge->sent = 7;
  auto loss = std::make_unique<wire::LossT>();
  loss->reason = "queue_full";
  loss->count = 3;
  edge->losses.push_back(std::move(loss));
  status.out_edges.push_back(std::move(edge));
  auto gauge = std::make_unique<wire::GaugeT>();
  gauge->name = "entities";
  gauge->value = 0.25;
  gauge->help = "How many.";
  status.gauges.push_back(std::move(gauge));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::StageStatus::Pack(builder, &status));

  const std::string text =
      to_prometheus(*flatbuffers::GetRoot<wire::StageStatus>(builder.GetBufferPointer()));
  const std::string base = R"({pipeline="p",stage="a\"b\\c\nd")";
  EXPECT_THAT(text, HasSubstr("# TYPE gala_stage_cpu_seconds_total counter\n"
                              "gala_stage_cpu_seconds_total" +
                              base + "} 1.5\n"));
  EXPECT_THAT(text, HasSubstr("gala_stage_healthy" + base + "} 1\n"));
  EXPECT_THAT(text, HasSubstr("gala_edge_dropped_total" + base +
                              R"(,port="records",to="keep",reason="queue_full"} 3)"));
  EXPECT_THAT(text, HasSubstr("# HELP gala_entities How many.\n# TYPE gala_entities gauge\n"));
  EXPECT_THAT(text, HasSubstr("gala_entities" + base + "} 0.25\n"));
}

}  // namespace
}  // namespace gala::detail
