// What equals have in common, round by round.
#include "stages/detect/peer_group.h"

#include <gtest/gtest.h>

#include <vector>

namespace gala::detect {
namespace {

/// One round of these values; members are known by their place.
void round_of(PeerGroup& group, const std::vector<double>& values,
              std::vector<std::uint64_t>& rounds) {
  rounds.resize(values.size(), 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    rounds[i] = group.add(values[i], rounds[i]);
  }
  group.settle();
}

TEST(PeerGroup, IsNotMovedByTheOddOne) {
  PeerGroup group(1);
  std::vector<std::uint64_t> rounds;
  round_of(group, {1.0, 1.1, 0.9, 1.0, 50}, rounds);
  EXPECT_TRUE(group.usual().known());
  EXPECT_NEAR(group.usual().middle, 1.0, 1e-6);
  EXPECT_NEAR(group.usual().spread, 0.148, 1e-3);
}

TEST(PeerGroup, SaysNothingOfFewerThanFour) {
  PeerGroup group(1);
  std::vector<std::uint64_t> rounds;
  for (int i = 0; i < 10; ++i) {
    round_of(group, {1, 1, 1}, rounds);
    EXPECT_FALSE(group.usual().known());
  }
  round_of(group, {1, 1, 1, 1}, rounds);
  EXPECT_TRUE(group.usual().known());
}

TEST(PeerGroup, TakesTheAgreementOfOneRoundForLuck) {
  PeerGroup group(1);
  std::vector<std::uint64_t> rounds;
  for (int i = 0; i < 30; ++i) {
    round_of(group, {0.8, 0.9, 1.1, 1.2}, rounds);
  }
  round_of(group, {1, 1, 1, 1}, rounds);
  EXPECT_GT(group.usual().spread, 0.2);
}

// Messages of five hosts, one member each: what is usual is known after the first round, and again
// when two more hosts have come and when three have gone.
TEST(PeerGroup, CountsMembersThatSpeakOneByOne) {
  PeerGroup group(1);
  std::vector<std::uint64_t> rounds(7, 0);
  const auto speak = [&](std::size_t members) {
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < members; ++i) {
        rounds[i] = group.add(1, rounds[i]);
        group.settle();
      }
    }
    return group.usual().members;
  };
  EXPECT_EQ(speak(5), 5U);
  EXPECT_EQ(speak(7), 7U);
  EXPECT_EQ(speak(4), 4U);
}

}  // namespace
}  // namespace gala::detect
