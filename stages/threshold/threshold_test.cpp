// The stage as a whole: events from observations, for limits; and input that means no good.
#include "stages/threshold/threshold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "stages/threshold/testing.h"

namespace gala::threshold {
namespace {

using namespace gala::testing;
using namespace gala::threshold::testing;
using namespace std::chrono_literals;

constexpr const char* drops_check = R"toml(
[[check]]
id = "drops"
metric = "drops"
above = 10
for = "2s"
clear_for = "2s"
severity = "error"
text = "{comm} lost {value} (limit {limit})"
zh = "{comm} 丢失 {value}"
)toml";

SliRow dropping(std::uint64_t drops) { return {.drops = drops}; }

TEST(Threshold, SaysNothingWhileAllIsWell) {
  Bench bench(drops_check);
  ASSERT_EQ(bench.complaints(), "");
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(bench.next(dropping(10)).empty());
  }
  EXPECT_EQ(bench.gauge("states"), 0);
  EXPECT_EQ(bench.gauge("judged_total"), 100);
}

TEST(Threshold, OpensUpdatesAndCloses) {
  Bench bench(drops_check);
  EXPECT_TRUE(bench.next(dropping(20)).empty());
  const auto opened = bench.next(dropping(40));
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(opened[0].state, wire::EventState::open);
  EXPECT_EQ(bench.next(dropping(30)).at(0).state, wire::EventState::updated);
  EXPECT_EQ(bench.next(dropping(0)).at(0).state, wire::EventState::updated);
  const auto closed = bench.next(dropping(0));
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].state, wire::EventState::closed);
  EXPECT_EQ(closed[0].ending, wire::Ending::normal);
  EXPECT_EQ(closed[0].event_id, opened[0].event_id);
  EXPECT_EQ(closed[0].worst, 40);
  EXPECT_EQ(closed[0].occurrences, 3u);
  EXPECT_EQ(closed[0].last_abnormal_ns, 1003 * second);
  EXPECT_EQ(bench.gauge("states"), 0);
}

TEST(Threshold, FillsTheWholeEvent) {
  Bench bench(drops_check);
  bench.next(dropping(20));
  const auto events = bench.next(dropping(40));
  ASSERT_EQ(events.size(), 1u);
  const wire::EventT& event = events[0];
  // The first abnormal window ended at boot + 1001 s.
  EXPECT_EQ(event.event_id, "1700001001000_m1_sli_42_drops");
  EXPECT_EQ(event.started_ns, 1001 * second);
  EXPECT_EQ(event.updated_ns, 1002 * second);
  EXPECT_EQ(event.entity, "sli");
  EXPECT_EQ(event.machine_id, "m1");
  EXPECT_EQ(event.check, "drops");
  EXPECT_EQ(event.statistic, "value");
  EXPECT_EQ(event.kind, wire::EventKind::sys);
  EXPECT_EQ(event.severity, wire::Severity::error);
  EXPECT_EQ(event.expected_high, 10);
  EXPECT_EQ(event.score, 4);
  EXPECT_EQ(event.text, "redis lost 40 (limit 10)");
  EXPECT_EQ(event.text_zh, "redis 丢失 40");
  ASSERT_EQ(event.labels.size(), 2u);
  EXPECT_EQ(event.labels[0]->name, "tgid");
  EXPECT_EQ(event.labels[1]->value, "redis");
}

TEST(Threshold, KeepsEntitiesApart) {
  Bench bench(drops_check);
  const std::vector<SliRow> rows{{.entity_id = "a", .drops = 50}, {.entity_id = "b", .drops = 0}};
  bench.feed(observe(rows, 2001 * second));
  const auto events = bench.feed(observe(rows, 2002 * second));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].entity_id, "a");
}

TEST(Threshold, GivesAllChecksOfAMetricOneEventId) {
  Bench bench(std::string(drops_check) + R"toml(
[[check]]
id = "many_drops"
metric = "drops"
above = 100
for = "3s"
severity = "fatal"
text = "very many"
zh = "很多"
)toml");
  ASSERT_EQ(bench.complaints(), "");
  bench.next(dropping(50));
  const auto first = bench.next(dropping(500));
  bench.next(dropping(500));
  const auto both = bench.next(dropping(500));
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].event_id, first.at(0).event_id);
  EXPECT_EQ(both[1].event_id, first.at(0).event_id);
  EXPECT_NE(both[1].started_ns, both[0].started_ns);
}

TEST(Threshold, ClosesTheEventsOfAnEndedEntity) {
  Bench bench(drops_check);
  bench.next(dropping(20));
  bench.next(dropping(20));
  const auto events = bench.feed(observe({}, 1003 * second, {"nobody", "m1_sli_42", ""}));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].state, wire::EventState::closed);
  EXPECT_EQ(events[0].ending, wire::Ending::ended);
  EXPECT_EQ(events[0].updated_ns, 1003 * second);
  EXPECT_EQ(bench.gauge("states"), 0);
}

// A reused id: the old entity ends and the new one begins in the same message.
TEST(Threshold, EndsBeforeItJudgesTheRowsOfAMessage) {
  Bench bench(drops_check);
  bench.next(dropping(20));
  const auto events = bench.feed(observe({dropping(20)}, 1002 * second, {"m1_sli_42"}));
  EXPECT_TRUE(events.empty());
}

TEST(Threshold, ForgetsSilentEntitiesAndClosesTheirEvents) {
  Bench bench(drops_check, {.forget_after = 60s});
  bench.tick();
  bench.next(dropping(20));
  bench.next(dropping(20));
  bench.skip(100);
  EXPECT_TRUE(bench.tick().empty());
  bench.skip(100);
  const auto events = bench.tick();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].ending, wire::Ending::silent);
  EXPECT_EQ(bench.gauge("states"), 0);
}

TEST(Threshold, NeitherOpensNorClosesWithoutData) {
  Bench bench(drops_check);
  bench.next(dropping(20));
  bench.skip(1);
  EXPECT_EQ(bench.next(dropping(20)).size(), 1u);
  bench.skip(30);
  EXPECT_EQ(bench.next(dropping(20)).at(0).state, wire::EventState::updated);
}

TEST(Threshold, JudgesNothingThatIsNotMeasured) {
  Bench bench(R"toml(
[[check]]
id = "slow"
metric = "throughput"
below = 100
text = "slow"
zh = "慢"
)toml");
  ASSERT_EQ(bench.complaints(), "");
  EXPECT_TRUE(bench.next({.throughput = not_measured}).empty());
  EXPECT_TRUE(bench.next({.throughput = -std::numeric_limits<double>::infinity()}).empty());
  EXPECT_EQ(bench.gauge("unjudged_total"), 2);
  EXPECT_EQ(bench.next({.throughput = 5}).size(), 1u);
  EXPECT_TRUE(bench.next({.throughput = not_measured}).empty());
  EXPECT_EQ(bench.next({.throughput = 500}).at(0).state, wire::EventState::closed);
}

TEST(Threshold, BoundsItsStates) {
  Bench bench(drops_check, {.max_states = 100});
  std::vector<SliRow> rows;
  for (int i = 0; i < 150; ++i) {
    rows.push_back({.entity_id = "e" + std::to_string(i), .drops = 50});
  }
  bench.feed(observe(rows, 2000 * second));
  EXPECT_EQ(bench.gauge("states"), 100);
  EXPECT_EQ(bench.gauge("refused_total"), 50);
}

TEST(Threshold, IgnoresLateAndRepeatedWindows) {
  Bench bench(drops_check);
  const auto message = observe({dropping(20)}, 1500 * second);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(bench.feed(message).empty());
  }
  EXPECT_TRUE(bench.feed(observe({dropping(20)}, 1499 * second)).empty());
  EXPECT_EQ(bench.gauge("out_of_order_total"), 5);
}

// Another boot, or a recording that begins again: what was known is of another time.
TEST(Threshold, StartsAnewWhenTimeStartsAnew) {
  Bench bench(drops_check);
  bench.feed(observe({dropping(20)}, 9000 * second));
  ASSERT_EQ(bench.feed(observe({dropping(20)}, 9001 * second)).size(), 1u);
  const auto closed = bench.feed(observe({dropping(20)}, 10 * second));
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].ending, wire::Ending::silent);
  EXPECT_EQ(bench.feed(observe({dropping(20)}, 11 * second)).at(0).started_ns, 10 * second);
}

TEST(Threshold, RefusesWindowsThatCannotBe) {
  Bench bench(drops_check);
  bench.feed(observe({dropping(20)}, 1000 * second, {}, 0));
  bench.feed(observe({dropping(20)}, 0, {}, second));
  bench.feed(observe({dropping(20)}, std::numeric_limits<std::uint64_t>::max(), {}, second));
  bench.feed(observe({dropping(20)}, 1000 * second, {}, 1001 * second));
  EXPECT_EQ(bench.gauge("invalid_total"), 4);
  EXPECT_EQ(bench.gauge("judged_total"), 0);
}

TEST(Threshold, SurvivesAMessageWithoutAnything) {
  Bench bench(drops_check);
  for (const bool named : {false, true}) {
    flatbuffers::FlatBufferBuilder builder;
    const auto entity = builder.CreateString("sli");
    wire::ObservationsBuilder observations(builder);
    if (named) {
      observations.add_entity(entity);
    }
    observations.add_rows(1000);
    wire::FinishObservationsBuffer(builder, observations.Finish());
    const auto* bytes = builder.GetBufferPointer();
    EXPECT_TRUE(bench.feed({bytes, bytes + builder.GetSize()}).empty());
  }
  EXPECT_EQ(bench.gauge("invalid_total"), 1);
}

// A number where the model has a histogram, text where it has a number, no unit, no column at all.
TEST(Threshold, CountsColumnsItCannotRead) {
  Bench bench(drops_check);
  Batch batch;
  const auto id = batch.add_column("entity_id", wire::ColumnKind::text);
  const auto drops = batch.add_column("drops", wire::ColumnKind::text);
  batch.column(id).add(std::string_view(""));
  batch.column(drops).add(std::string_view("many"));
  bench.feed(to_observations(batch, "sli", "requests", {"m1", 1, second, 0, 0}));
  EXPECT_EQ(bench.gauge("unreadable_total"), 1);
}

TEST(Threshold, KeepsEventIdsShortAndPlain) {
  Bench bench(drops_check);
  const SliRow row{.entity_id = std::string(1000, 'x') + "/\n|", .drops = 50};
  bench.feed(observe({row}, 2001 * second));
  const auto events = bench.feed(observe({row}, 2002 * second));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_LE(events[0].event_id.size(), 254u);
  EXPECT_THAT(events[0].event_id, ::testing::MatchesRegex("[A-Za-z0-9_:.@()+,=;$!*'%-]+"));
}

}  // namespace
}  // namespace gala::threshold
