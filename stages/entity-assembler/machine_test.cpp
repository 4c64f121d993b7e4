// Windows, lifetimes and limits of one machine's state, by plain calls of the stage.
#include "stages/entity-assembler/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stages/entity-assembler/test_model.h"

namespace gala::entity_assembler {
namespace {

using test_model::proc;
using test_model::process;
using test_model::server;
using test_model::sli;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(Lifetime, TellsProcessesWithOneNumberApart) {
  TestAssembler assembler{proc};
  assembler.take(process(100, 800, 5));
  assembler.take(process(101, 900'000'000'000, 101 * test_second_ns));
  ASSERT_EQ(assembler.out().items().size(), 2U);
  EXPECT_THAT(assembler.ended(), ElementsAre("m1_proc_42"));
  EXPECT_EQ(wire::GetObservations(assembler.out().items()[0].payload.data())->rows(), 0U)
      << "the end comes first, in a message of its own";
  EXPECT_EQ(assembler.text("proc", "start_time"), std::to_string(101 * test_second_ns));
}

TEST(Lifetime, DoesNotMixCountersOfProcessesWithOneNumber) {
  TestAssembler assembler{proc, sli};
  assembler.take(process(100, 800, 5));
  assembler.take(server(100, 50));
  assembler.take(process(101, 1, 101 * test_second_ns));
  assembler.take(server(101, 60));
  EXPECT_EQ(assembler.value("sli", "requests"), 60) << "a new process's row began at zero";
}

TEST(Lifetime, OfAProcessEndsWithAllItsEntitiesOnceLastWindowsAreIn) {
  TestAssembler assembler{proc, sli};
  assembler.take(process(100, 1));
  assembler.take(server(100, 1));
  TestRecords exits("proc_life.exits");
  exits.at(101).integer("tgid", 42).integer("at_ns", 101 * test_second_ns + 5);
  assembler.take(exits.integer("lifetime_ns", 3).text("comm", "redis"));
  EXPECT_THAT(assembler.ended(), IsEmpty());
  assembler.take(server(101, 4));
  EXPECT_EQ(assembler.value("sli", "requests"), 3) << "its last values count";
  assembler.take(server(102, 4));
  EXPECT_EQ(assembler.observations("sli"), nullptr) << "a row after the end revives nobody";
  assembler.take(TestRecords("sli.servers").at(105).from_zero());
  EXPECT_THAT(assembler.ended(), UnorderedElementsAre("m1_proc_42", "m1_sli_42_6379"));
  EXPECT_EQ(assembler.gauge("rows_after_end"), 1);
}

TEST(Lifetime, EndsWhenNothingIsSeenForLong) {
  TestAssembler assembler{proc};
  assembler.take(process(100, 1));
  assembler.tick(1000);
  assembler.tick(1009);
  EXPECT_THAT(assembler.ended(), IsEmpty());
  assembler.tick(1012);
  EXPECT_THAT(assembler.ended(), ElementsAre("m1_proc_42"));
  EXPECT_EQ(assembler.gauge("entities_proc"), 0);
}

TEST(Windows, ThatAreLateOrDoubleAreIgnoredAndCounted) {
  TestAssembler assembler{proc};
  assembler.take(process(100, 1));
  assembler.take(process(101, 11));
  assembler.take(process(101, 11));
  EXPECT_THAT(assembler.out().items(), IsEmpty());
  assembler.take(process(99, 1));
  EXPECT_THAT(assembler.out().items(), IsEmpty());
  EXPECT_EQ(assembler.gauge("windows_duplicate"), 1);
  EXPECT_EQ(assembler.gauge("windows_late"), 1);
}

/// The assembler stands on another machine and outlives a reboot of this one.
TEST(Windows, OfAMachineThatWasStartedAgainCount) {
  TestAssembler assembler{proc};
  assembler.take(process(90'000, 1, 5).wall_ahead(1'000'000), 7);
  assembler.take(process(8, 20, 6).wall_ahead(1'090'100), 9);
  EXPECT_THAT(assembler.ended(), ElementsAre("m1_proc_42")) << "it is another process";
  EXPECT_NE(assembler.observations("proc"), nullptr);
  EXPECT_EQ(assembler.value("proc", "cpu"), std::nullopt) << "its counter began again";
  assembler.take(process(9, 30, 6).wall_ahead(1'090'100), 9);
  EXPECT_EQ(assembler.value("proc", "cpu"), 1e-8);
  EXPECT_EQ(assembler.gauge("machine_boots"), 1);
  EXPECT_EQ(assembler.gauge("windows_late"), 0);
}

TEST(Windows, ThatAnEarlierRunLeftBehindAreNoReboot) {
  TestAssembler assembler{proc};
  assembler.take(process(100, 1).wall_ahead(1000), 7);
  assembler.take(process(102, 3).wall_ahead(1000), 9);
  assembler.take(process(101, 2).wall_ahead(1000), 7);
  EXPECT_THAT(assembler.ended(), IsEmpty());
  EXPECT_EQ(assembler.gauge("machine_boots"), 0);
  EXPECT_EQ(assembler.gauge("windows_late"), 1);
}

/// Windows count in boot time; the wall clock labels what leaves and decides nothing.
TEST(Windows, DoNotMindAWallClockThatSteps) {
  TestAssembler assembler{proc};
  std::uint64_t second = 100;
  for (const std::int64_t ahead : {1000, 5, 9'000'000, -400, 1000}) {
    ++second;
    assembler.take(process(second, 10 * (second - 100)).wall_ahead(ahead));
    ASSERT_NE(assembler.observations("proc"), nullptr);
    EXPECT_EQ(assembler.observations("proc")->wall_offset_ns(),
              ahead * static_cast<std::int64_t>(test_second_ns));
    EXPECT_EQ(assembler.value("proc", "cpu"), second == 101 ? std::nullopt : std::optional(1e-8));
  }
}

TEST(Windows, InSeveralMessagesGiveOneObservation) {
  TestAssembler assembler{sli};
  assembler.take(server(100, 10).to_be_continued());
  EXPECT_THAT(assembler.out().items(), IsEmpty());
  assembler.take(server(100, 20, 10));
  ASSERT_NE(assembler.observations("sli"), nullptr);
  assembler.take(server(101, 13).to_be_continued());
  assembler.take(server(101, 24, 10));
  EXPECT_EQ(assembler.value("sli", "requests"), 7);
}

TEST(Windows, WhoseLastMessageIsLostAreClosedByTheNext) {
  TestAssembler assembler{proc};
  assembler.take(process(100, 1).to_be_continued());
  assembler.take(process(101, 1));
  EXPECT_EQ(assembler.out().items().size(), 2U);
}

TEST(Windows, OfUnusedTablesAreCountedNotComplainedAbout) {
  TestAssembler assembler{proc};
  assembler.take(TestRecords("other.table").integer("x", 1));
  EXPECT_EQ(assembler.gauge("windows_of_unknown_table"), 1);
  EXPECT_THAT(assembler.report().complaints, IsEmpty());
}

TEST(Limits, EvictTheLongestUnseenAndSaySo) {
  TestAssembler assembler({proc}, {.max_entities = 2});
  for (std::uint64_t i = 0; i < 4; ++i) {
    TestRecords row("system.proc");
    row.at(100 + i).integer("tgid", 1 + i).integer("start_time_ns", 1).text("comm", "p");
    assembler.take(row.number("cpu_ns", 1));
  }
  EXPECT_LE(assembler.gauge("entities_proc"), 2);
  EXPECT_GE(assembler.gauge("entities_evicted"), 2);
  EXPECT_EQ(assembler.report().complaints.size(), 1U);
  EXPECT_EQ(assembler.text("proc", "tgid"), "4");
}

/// Every round all processes are others: what is remembered stays as small as one round's.
TEST(Lifetime, OfEntitiesThatFlapLeavesNothingBehind) {
  TestAssembler assembler({proc}, {.max_entities = 100});
  for (std::uint64_t round = 0; round < 300; ++round) {
    TestRecords rows("system.proc");
    rows.at(100 + round);
    for (std::uint64_t tgid = 1; tgid <= 10; ++tgid) {
      // Those with an odd number come back under it; the others come and go.
      rows.integer("tgid", tgid % 2 == 1 ? tgid : 1000 + 10 * round + tgid)
          .integer("start_time_ns", (100 + round) * test_second_ns)
          .text("comm", "p")
          .number("cpu_ns", 1);
    }
    assembler.take(rows);
  }
  EXPECT_LE(assembler.gauge("entities_proc"), 5 + 5 * 12) << "those of the last ten seconds";
  EXPECT_EQ(assembler.gauge("entities_evicted"), 0);
  EXPECT_LE(assembler.gauge("instances"), 10 * 12);
}

TEST(Limits, RefuseMoreMachinesThanAllowed) {
  TestAssembler assembler({proc}, {.max_machines = 1});
  assembler.take(process(100, 1));
  assembler.take(process(100, 1).of_machine("m2"));
  EXPECT_THAT(assembler.out().items(), IsEmpty());
  EXPECT_EQ(assembler.gauge("windows_of_refused_machines"), 1);
}

TEST(BadInput, LeavesWhatIsGood) {
  TestAssembler assembler{proc};
  wire::RecordsT records;
  const auto good = process(100, 1).message();
  wire::GetRecords(good.data())->UnPackTo(&records);
  records.machine_id.clear();
  records.columns.push_back(std::make_unique<wire::ColumnT>());
  records.columns.back()->name = "cut_short";
  flatbuffers::FlatBufferBuilder builder;
  wire::FinishRecordsBuffer(builder, wire::Records::Pack(builder, &records));
  TestAssembler other{proc};
  Outbox out;
  Diagnostics ignored;
  const Model model = Model::parse({}, ignored);
  EntityAssembler empty({}, {model, "local", "test", "assemble", {}, "", ""});
  empty.on(*wire::GetRecords(builder.GetBufferPointer()), {}, out);
  EXPECT_THAT(out.items(), IsEmpty());
  // Rows without a key, numbers that are none, text where a number belongs.
  TestRecords odd("system.proc");
  odd.at(101).text("tgid", "").number("start_time_ns", not_measured).text("cpu_ns", "many");
  assembler.take(odd);
  EXPECT_EQ(assembler.gauge("rows_without_key"), 1);
}

}  // namespace
}  // namespace gala::entity_assembler
