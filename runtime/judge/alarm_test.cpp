// Alarm: when an event opens, lasts and closes.
#include "runtime/judge/alarm.h"

#include <gtest/gtest.h>

#include <string>

namespace gala {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t second = 1'000'000'000;

/// One letter for each window of a second: A abnormal, b between, n normal, . no data.
/// Gives one letter for each judged window: - nothing, O opened, u updated, C closed.
std::string run(Alarm& alarm, std::string_view windows, const AlarmTiming& timing,
                std::uint64_t length_ns = second) {
  std::string changes;
  std::uint64_t at_ns = std::max<std::uint64_t>(alarm.last_window_end_ns(), 100 * second);
  for (const char window : windows) {
    at_ns += length_ns;
    if (window == '.') {
      continue;
    }
    const Verdict verdict = window == 'A'   ? Verdict::abnormal
                            : window == 'b' ? Verdict::between
                                            : Verdict::normal;
    const double value = window == 'A' ? static_cast<double>(changes.size()) : 0;
    const auto change =
        alarm.on({verdict, value, wire::Direction::high}, {at_ns - length_ns, at_ns}, timing);
    changes.push_back("-OuC"[static_cast<int>(change)]);
  }
  return changes;
}

std::string run(std::string_view windows, const AlarmTiming& timing) {
  Alarm alarm;
  return run(alarm, windows, timing);
}

TEST(Alarm, OpensAndClosesAtOnceWithoutTimes) { EXPECT_EQ(run("nAAn", {}), "-OuC"); }

TEST(Alarm, OpensOnlyAfterItsHold) { EXPECT_EQ(run("nAAAA", {3s, 0s}), "---Ou"); }

TEST(Alarm, IgnoresWhatIsShorterThanItsHold) {
  EXPECT_EQ(run("AAnAAnAAnAA", {3s, 0s}), "-----------");
}

TEST(Alarm, KeepsARunAliveInTheBandButOpensOnlyOnAnAbnormalWindow) {
  EXPECT_EQ(run("AbbbA", {3s, 0s}), "----O");
  EXPECT_EQ(run("bbbbbA", {3s, 0s}), "------");
}

TEST(Alarm, ClosesOnlyAfterNormalWindowsInARow) {
  EXPECT_EQ(run("AnnAnnn", {0s, 3s}), "OuuuuuC");
  EXPECT_EQ(run("Abbbbbb", {0s, 1s}), "Ouuuuuu");
}

TEST(Alarm, CountsNoTimeForWindowsWithoutData) {
  EXPECT_EQ(run("A..A.A", {3s, 0s}), "--O");
  EXPECT_EQ(run("A..n..n", {0s, 2s}), "OuC");
}

TEST(Alarm, ForgetsARunThatALongGapInterrupted) { EXPECT_EQ(run("AA......AA", {3s, 0s}), "----"); }

TEST(Alarm, StartsAnewAfterItClosed) {
  Alarm alarm;
  EXPECT_EQ(run(alarm, "AAAn", {2s, 0s}), "-OuC");
  EXPECT_TRUE(alarm.idle());
  EXPECT_EQ(run(alarm, "AA", {2s, 0s}), "-O");
  EXPECT_EQ(alarm.started_ns(), 105 * second);
  EXPECT_EQ(alarm.occurrences(), 2u);
}

// The event opens late, but it began when the first abnormal window ended.
TEST(Alarm, RemembersWhenItBentAndHowBadItWas) {
  Alarm alarm;
  run(alarm, "nnAAAA", {3s, 0s});
  EXPECT_EQ(alarm.started_ns(), 103 * second);
  EXPECT_EQ(alarm.last_abnormal_ns(), 106 * second);
  EXPECT_EQ(alarm.occurrences(), 4u);
  EXPECT_EQ(alarm.worst(), 5);
}

TEST(Alarm, ToleratesWindowsThatAreNotExactlyAPeriod) {
  Alarm alarm;
  EXPECT_EQ(run(alarm, "AAA", {3s, 0s}, second - 1'000'000), "--O");
}

}  // namespace
}  // namespace gala
