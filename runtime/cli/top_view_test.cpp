// Two statuses of a stage become rates; a stage that says nothing is shown as silent.
#include "runtime/cli/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "runtime/text/terminal.h"

namespace gala {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

wire::StageStatusT status(std::uint64_t time_s, std::uint64_t messages, std::uint64_t cpu_ns) {
  wire::StageStatusT one;
  one.stage = "assemble";
  one.run = "entity-assembler";
  one.time_ns = time_s * second_ns;
  one.health = wire::Health::ok;
  one.cpu_ns = cpu_ns;
  auto out = std::make_unique<wire::OutEdgeT>();
  out->port = "observations";
  out->to = "limits";
  out->offered = messages;
  out->sent = messages;
  one.out_edges.push_back(std::move(out));
  return one;
}

Statuses only(wire::StageStatusT one) {
  Statuses all;
  all.emplace(one.stage, std::move(one));
  return all;
}

TEST(StageLoads, AreRatesBetweenTwoStatuses) {
  const auto loads =
      stage_loads(only(status(10, 100, 0)), only(status(12, 120, second_ns / 10)), 12 * second_ns);
  ASSERT_EQ(loads.size(), 1u);
  EXPECT_DOUBLE_EQ(loads[0].out_per_s, 10);
  EXPECT_DOUBLE_EQ(loads[0].cores, 0.05);
  EXPECT_EQ(health_word(loads[0]), "ok");
}

TEST(StageLoads, SurviveARestartedCounter) {
  const auto loads = stage_loads(only(status(10, 1000, 500)), only(status(11, 5, 100)), 0);
  EXPECT_DOUBLE_EQ(loads[0].out_per_s, 5);
}

TEST(StageLoads, ShowAStageThatIsSilent) {
  const auto loads = stage_loads({}, only(status(10, 1, 0)), 20 * second_ns);
  EXPECT_EQ(health_word(loads[0]), "silent");
}

TEST(StageLoads, CountWhatWaitsForAConsumer) {
  Statuses now = only(status(10, 30, 0));
  wire::StageStatusT limits;
  limits.stage = "limits";
  auto in = std::make_unique<wire::InEdgeT>();
  in->from = "assemble";
  in->port = "observations";
  in->received = 20;
  in->missing = 3;
  limits.in_edges.push_back(std::move(in));
  now.emplace("limits", std::move(limits));
  const auto loads = stage_loads({}, now, 10 * second_ns);
  EXPECT_EQ(loads[1].queued, 7);
  EXPECT_EQ(loads[1].lost, 3u);
}

TEST(TopText, FitsIntoEightyColumns) {
  auto long_one = status(10, 123456789, 0);
  long_one.complaints.push_back(std::string(200, 'x'));
  const auto loads = stage_loads({}, only(std::move(long_one)), 10 * second_ns);
  std::istringstream lines(top_text("single-host", loads, 80));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(display_width(line), 80u) << line;
  }
}

TEST(TopText, ShowsQuantitiesAndNothingThatSteersATerminal) {
  auto now = status(12, 24'900, second_ns / 10);
  now.proportional_bytes = 3 << 19;
  now.complaints.push_back("\033[2J磁盘已满");
  const auto loads = stage_loads(only(status(10, 100, 0)), only(std::move(now)), 12 * second_ns);
  const std::string text = top_text("single-host", loads, 80);
  EXPECT_THAT(text, testing::HasSubstr("0.05 cores   1.5 MiB"));
  EXPECT_THAT(text, testing::HasSubstr(" 12.4k "));
  EXPECT_THAT(text, testing::HasSubstr("5 %  1.5 MiB\n"));
  EXPECT_THAT(text, testing::HasSubstr("assemble: ␛[2J磁盘已满"));
}

}  // namespace
}  // namespace gala
