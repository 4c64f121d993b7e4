// The model in schemas/model as the assembler uses it: no findings, and rows of real tables become
// what it promises.
#include <gtest/gtest.h>

#include <set>

#include "stages/entity-assembler/test_records.h"

namespace gala::entity_assembler {
namespace {

struct Loaded {
  Diagnostics diagnostics;
  std::vector<SourceText> sources;
  Model model;

  Loaded() : model(Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics)) {}
};

TEST(ShippedModel, HasNoFindings) {
  const Loaded loaded;
  EXPECT_EQ(loaded.diagnostics.render(loaded.sources), "");
  EXPECT_GE(loaded.model.entities().size(), 17U);
}

TEST(ShippedModel, SpeaksBothLanguagesOfEveryMetric) {
  const Loaded loaded;
  for (const Entity& entity : loaded.model.entities()) {
    for (const Metric& metric : entity.metrics) {
      EXPECT_FALSE(metric.about.en.empty() || metric.about.zh.empty())
          << entity.name << "." << metric.name;
    }
  }
}

// Every cause must lead somewhere: its metric is judged, so it must be measured in a table.
TEST(ShippedModel, ExplainsItsKpis) {
  const Loaded loaded;
  for (const Entity& entity : loaded.model.entities()) {
    std::set<std::string> explained;
    for (const Cause& cause : entity.causes) {
      explained.insert(cause.effect);
      EXPECT_TRUE(cause.above || cause.below) << entity.name << "." << cause.effect;
    }
    for (const Metric& metric : entity.metrics) {
      EXPECT_TRUE(!metric.kpi || explained.contains(metric.name))
          << "no cause of " << entity.name << "." << metric.name;
    }
  }
}

TEST(ShippedModel, GivesServiceLevelsTheirNamesAndUnits) {
  const Loaded loaded;
  EntityAssembler assembler({}, {loaded.model, "local", "test", "assemble", {}, "", ""});
  Outbox out;
  const auto take = [&](const TestRecords& records) {
    const auto message = records.message();
    Envelope envelope;
    envelope.stage = "kernel";
    envelope.epoch_ns = 1;
    assembler.on(*wire::GetRecords(message.data()), envelope, out);
  };
  const std::vector<double> bounds{1e6, 1e9};
  const auto server = [&](std::uint64_t second, std::uint64_t requests) {
    TestRecords records("sli.servers");
    records.at(second).from_zero().integer("tgid", 42).integer("port", 6379).integer("family", 2);
    records.integer("requests", requests);
    return records.histogram("latency", bounds,
                             {{requests, 0}, static_cast<double>(requests) * 5e5, 9e5});
  };
  take(server(100, 0));
  take(server(101, 200));
  ASSERT_EQ(out.items().size(), 2U);
  const auto* message = wire::GetObservations(out.items().back().payload.data());
  const TableView view(message->columns(), message->rows());
  EXPECT_EQ(out.items().back().subject, "sli");
  EXPECT_EQ(view.find("entity_id").text(0), "m1_sli_42_6379");
  EXPECT_EQ(view.find("throughput").number(0), 200);
  EXPECT_EQ(view.find("requests").number(0), 200);
  EXPECT_DOUBLE_EQ(view.find("latency").sum(0), 0.1);
  EXPECT_DOUBLE_EQ(view.find("latency").maximum(0), 0.0009);
}

}  // namespace
}  // namespace gala::entity_assembler
