// What rows teach about processes, disks and cgroups.
#include "stages/entity-assembler/facts.h"

#include <gtest/gtest.h>

#include "stages/entity-assembler/test_records.h"

namespace gala::entity_assembler {
namespace {

std::vector<ProcessEnd> learn(Facts& facts, const TestRecords& records, std::uint64_t now_ns = 1,
                              const Teachings& of_others = {}) {
  const auto message = records.message();
  const auto* root = wire::GetRecords(message.data());
  const TeachingsOfTables teachings = test_teachings();
  const auto teaches = teachings.find(records.table());
  return facts.learn(MessageCells(TableView(root->columns(), root->rows())),
                     teaches == teachings.end() ? of_others : teaches->second, now_ns);
}

TestRecords full(std::uint64_t start_ns, std::string_view comm) {
  return TestRecords("system.proc")
      .integer("tgid", 7)
      .integer("start_time_ns", start_ns)
      .text("comm", comm)
      .text("cmdline", "x");
}

TEST(Facts, PreferTheProcessTableToAThreadsName) {
  Facts facts(10);
  learn(facts, TestRecords("tcp_link.sockets").integer("tgid", 7).text("comm", "io-thread"));
  EXPECT_EQ(facts.process(7)->comm, "io-thread");
  learn(facts, full(100, "server"));
  EXPECT_EQ(facts.process(7)->comm, "server");
  learn(facts, TestRecords("tcp_link.sockets").integer("tgid", 7).text("comm", "io-thread"));
  EXPECT_EQ(facts.process(7)->comm, "server");
}

TEST(Facts, FollowAnExec) {
  Facts facts(10);
  learn(facts, full(100, "sh"));
  TestRecords exec("proc_life.execs");
  exec.integer("tgid", 7).integer("at_ns", 500).text("comm", "redis");
  learn(facts, exec.text("filename", "/usr/bin/redis"));
  EXPECT_EQ(facts.process(7)->comm, "redis");
  EXPECT_EQ(facts.process(7)->exe, "/usr/bin/redis");
}

// A time and a number in a row are no death: the table must say so.
TEST(Facts, EndOnlyWhereTheTableTeachesIt) {
  Facts facts(10);
  learn(facts, full(100, "a"));
  const auto row = [](std::string table) {
    TestRecords records(std::move(table));
    records.integer("tgid", 7).integer("at_ns", 500).integer("lifetime_ns", 400);
    return records.text("comm", "a");
  };
  EXPECT_TRUE(learn(facts, row("other.table")).empty());
  const auto ends = learn(facts, row("proc_life.exits"));
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].time_ns, 500U);
  EXPECT_FALSE(ends[0].replaced);
}

TEST(Facts, ComeFromTheColumnThatIsTaughtAndNoOther) {
  TestRecords row("other.table");
  row.integer("tgid", 7).text("comm", "decoy").text("filename", "/decoy").text("name", "nginx");
  row.integer("at_ns", 400).integer("stopped_ns", 500);
  Facts facts(10);
  const auto ends =
      learn(facts, row, 1, {{Fact::process_comm, "name"}, {Fact::process_end, "stopped_ns"}});
  EXPECT_EQ(facts.process(7)->comm, "nginx");
  EXPECT_EQ(facts.process(7)->exe, "");
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].time_ns, 500U);
}

TEST(Facts, TakeStartTimesOfTwoClocksForOne) {
  Facts facts(10);
  learn(facts, full(1'000'000'000, "a"));
  EXPECT_TRUE(learn(facts, full(1'009'999'999, "a")).empty()) << "rounded to ticks of 10 ms";
  const auto ends = learn(facts, full(2'000'000'000, "b"));
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_TRUE(ends[0].replaced);
  EXPECT_EQ(facts.process(7)->comm, "b");
  learn(facts, full(1'000'000'000, "a"));
  EXPECT_EQ(facts.process(7)->comm, "b") << "a late row of the older process";
}

TEST(Facts, DoNotChangeForRowsThatTellNothingNew) {
  Facts facts(10);
  learn(facts, full(100, "a"));
  const std::uint64_t version = facts.process(7)->version;
  learn(facts, full(100, "a"), 2);
  EXPECT_EQ(facts.process(7)->version, version);
  EXPECT_EQ(facts.process(7)->seen_ns, 2U);
}

TEST(Facts, AreBounded) {
  Facts facts(1);
  learn(facts, full(100, "a"));
  learn(facts, TestRecords("tcp_link.sockets").integer("tgid", 8).text("comm", "b"));
  EXPECT_EQ(facts.processes(), 1U);
  EXPECT_EQ(facts.refused(), 1U);
}

TEST(Facts, ForgetWhatEndedAndWhatIsNotSeen) {
  Facts facts(10);
  learn(facts, full(100, "a"), 50);
  facts.forget_before(50, 50);
  EXPECT_NE(facts.process(7), nullptr);
  facts.forget_before(51, 0);
  EXPECT_EQ(facts.process(7), nullptr);
}

TestRecords block_device(std::uint64_t major, std::uint64_t minor, std::string_view name,
                         std::string_view disk) {
  TestRecords records("system.disk");
  records.integer("major", major).integer("minor", minor).text("blk_name", name);
  return records.text("disk_name", disk);
}

TEST(Facts, NameDisksByNumber) {
  Facts facts(10);
  learn(facts, block_device(8, 1, "sda1", "sda"));
  EXPECT_EQ(facts.disk(8, 1)->disk_name, "sda");
  EXPECT_EQ(facts.disk(8, 1)->blk_name, "sda1");
  EXPECT_EQ(facts.disk(8, 2), nullptr);
  EXPECT_EQ(split_device((8U << 20U) | 1U).minor, 1U);
}

// After hot-plugging, an extended number may belong to another disk.
TEST(Facts, RenameADiskWhoseNumberIsUsedAgain) {
  Facts facts(10);
  learn(facts, block_device(259, 1, "nvme0n1", "nvme0n1"));
  const std::uint64_t version = facts.disks_version();
  learn(facts, block_device(259, 1, "nvme2n1", "nvme2n1"));
  EXPECT_EQ(facts.disk(259, 1)->disk_name, "nvme2n1");
  EXPECT_NE(facts.disks_version(), version);
}

// Paths of NVMe multipath are all 0:0 in diskstats: that number names none of them.
TEST(Facts, LearnNothingFromTheNumberOfHiddenDisks) {
  Facts facts(10);
  const std::uint64_t version = facts.disks_version();
  learn(facts, block_device(0, 0, "nvme0c0n1", "nvme0c0n1"));
  learn(facts, block_device(0, 0, "nvme1c1n1", "nvme1c1n1"));
  TestRecords unmeasured("system.disk");
  unmeasured.number("major", not_measured).number("minor", not_measured);
  learn(facts, unmeasured.text("blk_name", "nvme2c0n1").text("disk_name", "nvme2c0n1"));
  EXPECT_EQ(facts.disk(0, 0), nullptr);
  EXPECT_EQ(facts.disks_version(), version) << "what rests on disks stays valid";
}

}  // namespace
}  // namespace gala::entity_assembler
