// Numbers and sentences for people.
#include "runtime/judge/wording.h"

#include <gtest/gtest.h>

namespace gala {
namespace {

TEST(Humanise, WritesTimes) {
  EXPECT_EQ(humanise(0.0123, "s"), "12.3 ms");
  EXPECT_EQ(humanise(0.000456, "s"), "456 µs");
  EXPECT_EQ(humanise(1.5, "s"), "1.5 s");
  EXPECT_EQ(humanise(119, "s"), "119 s");
  EXPECT_EQ(humanise(150, "s"), "2.5 min");
  EXPECT_EQ(humanise(0, "s"), "0 s");
  EXPECT_EQ(humanise(0.9999, "s"), "1 s");
  EXPECT_EQ(humanise(2.5e6, "ns"), "2.5 ms");
  EXPECT_EQ(humanise(0.5, "s/s"), "500 ms/s");
}

TEST(Humanise, WritesAmounts) {
  EXPECT_EQ(humanise(1572864, "B"), "1.5 MiB");
  EXPECT_EQ(humanise(1572864, "B/s"), "1.5 MiB/s");
  EXPECT_EQ(humanise(2048, "kB"), "2 MiB");
  EXPECT_EQ(humanise(93.42, "%"), "93.4 %");
  EXPECT_EQ(humanise(9999, "1"), "9999");
  EXPECT_EQ(humanise(12345, "1"), "12.3k");
  EXPECT_EQ(humanise(12345.6, "1/s"), "12.3k/s");
  EXPECT_EQ(humanise(1000, "Mbit/s"), "1 Gbit/s");
  EXPECT_EQ(humanise(0.04567, "1"), "0.0457");
  EXPECT_EQ(humanise(3, "packets"), "3 packets");
}

TEST(Humanise, SurvivesNonsense) {
  EXPECT_EQ(humanise(std::numeric_limits<double>::quiet_NaN(), "s"), "?");
  EXPECT_EQ(humanise(-std::numeric_limits<double>::infinity(), "B"), "?");
  EXPECT_LT(humanise(1e308, "s").size(), 40u);
  EXPECT_LT(humanise(1e-308, "1").size(), 40u);
  EXPECT_EQ(humanise(-0.0123, "s"), "-12.3 ms");
}

TEST(Word, FillsEveryPlaceholderAndLeavesUnknownOnes) {
  Check check;
  Metric metric;
  metric.unit = "s";
  wire::EventT event;
  event.entity_id = "m1_sli_42";
  for (const auto& [name, value] : {std::pair{"comm", "redis"}, std::pair{"pod_id", ""}}) {
    event.labels.push_back(std::make_unique<wire::LabelT>());
    event.labels.back()->name = name;
    event.labels.back()->value = value;
  }
  Judgement judgement;
  judgement.expected = 0.001;
  judgement.limit = 0.002;
  const WordingFacts facts{check, metric, event, judgement, 0.0042};
  EXPECT_EQ(word("{comm} in {pod_id}: {value}, usually {expected} ({change} times), limit {limit}, "
                 "{unit} {entity_id} {nonsense} {",
                 facts),
            "redis in ?: 4.2 ms, usually 1 ms (4.2 times), limit 2 ms, s m1_sli_42 {nonsense} {");
}

TEST(Word, TellsOtherMetricsOfTheRow) {
  Batch batch;
  auto& growth = batch.column(batch.add_column("memory_growth", wire::ColumnKind::number));
  growth.unit = "B/s";
  growth.add(300'000.0);
  const auto message = to_observations(batch, "proc", "main", {"m1", 0, 1, 0, 0});
  const auto* rows = flatbuffers::GetRoot<wire::Observations>(message.data());
  const TableView table(rows->columns(), rows->rows());
  const Judgement judgement;
  const Check check;
  const Metric metric;
  const wire::EventT event;
  const WordingFacts facts{check, metric, event, judgement, 0, &table, 0};
  EXPECT_EQ(word("{memory_growth} {memory_growth.per_hour} {other}", facts),
            "293 KiB/s 1.01 GiB/h {other}");
}

}  // namespace
}  // namespace gala
