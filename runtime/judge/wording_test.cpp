// Patterns become sentences.
#include "runtime/judge/wording.h"

#include <gtest/gtest.h>

namespace gala {
namespace {

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
