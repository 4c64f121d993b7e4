// What rows teach about processes, disks and cgroups.
#include "stages/entity-assembler/facts.h"

#include <gtest/gtest.h>

#include "stages/entity-assembler/test_records.h"

namespace gala::entity_assembler {
namespace {

std::vector<ProcessEnd> learn(Facts& facts, const TestRecords& records, std::uint64_t now_ns = 1) {
  const auto message = records.message();
  const auto* root = wire::GetRecords(message.data());
  return facts.learn(MessageCells(TableView(root->columns(), root->rows())), now_ns);
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
  learn(facts, TestRecords("x").integer("tgid", 8).text("comm", "b"));
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

TEST(Facts, NameDisksByNumber) {
  Facts facts(10);
  TestRecords disks("system.disk");
  disks.integer("major", 8).integer("minor", 1).text("disk_name", "sda1");
  learn(facts, disks.text("whole_disk", "sda"));
  EXPECT_EQ(facts.disk(8, 1)->disk_name, "sda");
  EXPECT_EQ(facts.disk(8, 1)->blk_name, "sda1");
  EXPECT_EQ(facts.disk(8, 2), nullptr);
  EXPECT_EQ(split_device((8U << 20U) | 1U).minor, 1U);
}

}  // namespace
}  // namespace gala::entity_assembler
