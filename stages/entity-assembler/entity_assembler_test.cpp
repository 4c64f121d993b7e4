// The whole stage by plain calls: records of windows in, observations out. Each defect of the
// earlier system that belongs here has a test that shows it absent.
#include "stages/entity-assembler/entity_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "stages/entity-assembler/test_model.h"

namespace gala::entity_assembler {
namespace {

using test_model::link;
using test_model::proc;
using test_model::process;
using test_model::server;
using test_model::sli;
using test_model::socket;
using testing::ElementsAre;

TEST(Counters, FirstReadingIsABaselineNotASpike) {
  TestAssembler assembler{proc};
  assembler.take(process(100, 900'000'000'000));
  EXPECT_EQ(assembler.value("proc", "cpu"), std::nullopt);
  assembler.take(process(101, 900'500'000'000));
  EXPECT_DOUBLE_EQ(assembler.value("proc", "cpu").value(), 0.5);
  EXPECT_DOUBLE_EQ(assembler.value("proc", "cpu_util").value(), 50);
}

TEST(Counters, FirstReadingCountsWhenTheProcessBeganInTheWindow) {
  TestAssembler assembler{proc};
  assembler.take(process(99, 0, 7).at(98));
  assembler.take(process(100, 300'000'000, 100 * test_second_ns + 1).at(100));
  EXPECT_DOUBLE_EQ(assembler.value("proc", "cpu").value(), 0.3);
}

TEST(Counters, FromZeroCountWhenTheirRowAppears) {
  TestAssembler assembler{sli};
  assembler.take(server(100, 5000));
  EXPECT_EQ(assembler.value("sli", "requests"), std::nullopt) << "history from before we looked";
  assembler.take(server(101, 5010));
  EXPECT_EQ(assembler.value("sli", "requests"), 10);
  // Another family of the same server: a new row, the same entity.
  auto both = server(102, 5010);
  both.integer("tgid", 42).integer("port", 6379).integer("family", 10).integer("requests", 7);
  assembler.take(both);
  EXPECT_EQ(assembler.value("sli", "requests"), 7);
}

TEST(Counters, FromZeroCountFromTheStartOfTheirSource) {
  TestAssembler assembler{sli};
  assembler.take(server(100, 30), 100 * test_second_ns);
  EXPECT_EQ(assembler.value("sli", "requests"), 30);
}

TEST(Counters, FromZeroBeginAgainAfterTheirRowWasRemoved) {
  TestAssembler assembler{sli};
  assembler.take(server(100, 10));
  assembler.take(TestRecords("sli.servers").at(101).from_zero());
  assembler.take(server(102, 12));
  EXPECT_EQ(assembler.value("sli", "requests"), 12);
}

TEST(Counters, SurviveALostWindow) {
  TestAssembler assembler{proc};
  assembler.take(process(100, 0));
  assembler.take(process(103, 1'500'000'000));
  EXPECT_DOUBLE_EQ(assembler.value("proc", "cpu").value(), 1.5);
  EXPECT_DOUBLE_EQ(assembler.value("proc", "cpu_util").value(), 50) << "over three seconds";
  EXPECT_EQ(assembler.observations("proc")->window_start_ns(), 101 * test_second_ns);
}

TEST(Counters, AreKeptForEachInstanceOfAnEntity) {
  TestAssembler assembler{link};
  auto two = socket(100, 1, 1000);
  const auto add = [](TestRecords& to, std::uint64_t cookie, std::uint64_t rx_bytes) {
    to.integer("cookie", cookie).integer("tgid", 42).integer("state", 1).text("role", "server");
    to.text("client_ip", "10.0.0.2").text("server_ip", "10.0.0.1").integer("server_port", 6379);
    to.integer("client_port", 40000 + cookie).integer("rx_bytes", rx_bytes);
  };
  add(two, 2, 50);
  assembler.take(two);
  auto next = socket(101, 1, 1010);
  add(next, 2, 55);
  assembler.take(next);
  EXPECT_EQ(assembler.value("tcp_link", "rx_bytes"), 15);
  EXPECT_EQ(assembler.observations("tcp_link")->rows(), 1U) << "client ports are not identity";
  // One connection closes: the sum of the raw counters falls, the difference does not.
  assembler.take(socket(102, 1, 1011));
  EXPECT_EQ(assembler.value("tcp_link", "rx_bytes"), 1);
}

TEST(Counters, FollowA32BitWrapAndForgetOnReset) {
  TestAssembler assembler{link};
  assembler.take(socket(100, 1, 0xfffffff0U));
  assembler.take(socket(101, 1, 16));
  EXPECT_EQ(assembler.value("tcp_link", "rx_bytes"), 32);
  assembler.take(socket(102, 1, 4));
  EXPECT_EQ(assembler.value("tcp_link", "rx_bytes"), std::nullopt);
  EXPECT_EQ(assembler.gauge("counters_wrapped"), 1);
  EXPECT_EQ(assembler.gauge("counters_reset"), 1);
}

TEST(Histograms, KeepZeroAndValuesAboveTheLastBound) {
  TestAssembler assembler{sli};
  constexpr double unbounded = std::numeric_limits<double>::infinity();
  const std::vector<double> bounds{1e3, 1e6, unbounded};
  assembler.take(server(100, 0).histogram("latency", bounds, {{0, 0, 0}, 0, 0}));
  assembler.take(server(101, 4).histogram("latency", bounds, {{1, 1, 2}, 20e9 + 5e5, 12e9}));
  const auto* message = assembler.observations("sli");
  const ColumnView latency = TableView(message->columns(), 1).find("latency");
  EXPECT_THAT(latency.counts(0), ElementsAre(1, 1, 2));
  EXPECT_DOUBLE_EQ(latency.sum(0), 20.0005) << "nanoseconds are divided, not shifted";
  EXPECT_DOUBLE_EQ(latency.maximum(0), 12);
  EXPECT_DOUBLE_EQ(latency.bounds()[0], 1e-6);
  EXPECT_EQ(latency.bounds()[2], unbounded);
  EXPECT_EQ(latency.unit(), "s");
}

TEST(Histograms, AreDifferencesOfEachBucket) {
  TestAssembler assembler{sli};
  const std::vector<double> bounds{1e3, 1e6};
  assembler.take(server(100, 0).histogram("latency", bounds, {{10, 5}, 100, 9e5}));
  assembler.take(server(101, 0).histogram("latency", bounds, {{13, 5}, 130, 9e5}));
  const ColumnView latency = TableView(assembler.observations("sli")->columns(), 1).find("latency");
  EXPECT_THAT(latency.counts(0), ElementsAre(3, 0));
  EXPECT_DOUBLE_EQ(latency.sum(0), 30e-9);
  EXPECT_DOUBLE_EQ(latency.maximum(0), 1e-6) << "an old maximum cannot exceed what grew";
}

TEST(Rows, AreCombinedAsTheModelSays) {
  TestAssembler assembler{link};
  auto first = socket(100, 1, 0).integer("srtt_us", 100).integer("retrans", 0);
  first.integer("segs_out", 0);
  assembler.take(first);
  auto rows = socket(101, 1, 0).integer("srtt_us", 100).integer("retrans", 2);
  rows.integer("segs_out", 100);
  rows.integer("cookie", 2).integer("tgid", 42).integer("state", 1).text("role", "server");
  rows.text("client_ip", "10.0.0.2").text("server_ip", "10.0.0.1").integer("server_port", 6379);
  rows.integer("client_port", 40002).integer("rx_bytes", 1).integer("srtt_us", 300);
  rows.integer("retrans", 70).integer("segs_out", 70);
  assembler.take(rows);
  EXPECT_DOUBLE_EQ(assembler.value("tcp_link", "srtt_max").value(), 300e-6);
  EXPECT_DOUBLE_EQ(assembler.value("tcp_link", "srtt_mean").value(), 200e-6);
  EXPECT_DOUBLE_EQ(assembler.value("tcp_link", "retrans_ratio").value(), 0.02)
      << "the second socket has no difference yet";
}

TEST(Rows, CountAsOneEachWhereTheModelSaysSo) {
  TestAssembler assembler{proc};
  TestRecords exits("proc_life.exits");
  exits.at(100).integer("tgid", 9).integer("at_ns", 100 * test_second_ns + 5);
  assembler.take(exits.integer("lifetime_ns", 3).text("comm", "sh"));
  EXPECT_EQ(assembler.value("proc", "exits"), 1);
  EXPECT_EQ(assembler.text("proc", "comm"), "sh");
}

TEST(Rows, AreLeftOutByWhere) {
  TestAssembler assembler{link};
  assembler.take(socket(100, 1, 5));
  TestRecords listener("tcp.sockets");
  listener.at(101).integer("cookie", 3).integer("tgid", 42).integer("state", 10);
  assembler.take(listener.integer("server_port", 6379).text("server_ip", "::"));
  EXPECT_EQ(assembler.observations("tcp_link"), nullptr);
  EXPECT_EQ(assembler.gauge("rows_filtered"), 1);
}

TEST(Identity, IsTheSameEverywhereAndTakesOddCharacters) {
  TestAssembler assembler{proc, sli};
  assembler.take(process(100, 1).of_machine("m|1"));
  const std::vector<std::string> keys{"42"};
  EXPECT_EQ(assembler.text("proc", "entity_id"), entity_id("m|1", "proc", keys));
  TestRecords odd("system.proc");
  odd.at(100).integer("tgid", 7).integer("start_time_ns", 1).text("comm", "a|b \"c\"\n\xff");
  assembler.take(
      odd.text("cmdline", "x|y").text("cgroup", "/").number("cpu_ns", 1).of_machine("m"));
  EXPECT_EQ(assembler.text("proc", "comm"), "a|b \"c\"\n\xff");
  EXPECT_EQ(assembler.text("proc", "tgid"), "7");
}

TEST(Identity, OfAContainerComesFromTheProcess) {
  TestAssembler assembler{proc, sli};
  assembler.take(process(100, 1));
  assembler.take(server(100, 1));
  EXPECT_EQ(assembler.text("sli", "comm"), "redis");
  EXPECT_EQ(assembler.text("sli", "container_id"), std::string(64, 'a'));
  EXPECT_EQ(assembler.text("sli", "entity_id"), "m1_sli_42_6379");
}

TEST(Identity, LearnedLaterReachesEntitiesThatAreKnown) {
  TestAssembler assembler{proc, sli};
  assembler.take(server(100, 1));
  EXPECT_EQ(assembler.text("sli", "comm"), "");
  assembler.take(process(100, 1));
  assembler.take(server(101, 1));
  EXPECT_EQ(assembler.text("sli", "comm"), "redis");
}

TEST(Connections, AreOneForAllPortsOfAClient) {
  TestAssembler assembler{link};
  assembler.take(socket(100, 1, 1));
  EXPECT_EQ(assembler.text("tcp_link", "client_port"), "0");
  EXPECT_EQ(assembler.text("tcp_link", "scope"), "network");
}

TEST(Connections, KeepTheClientPortOnRequest) {
  TestAssembler assembler({link}, {.client_ports = true});
  assembler.take(socket(100, 1, 1));
  EXPECT_EQ(assembler.text("tcp_link", "client_port"), "40001");
}

}  // namespace
}  // namespace gala::entity_assembler
