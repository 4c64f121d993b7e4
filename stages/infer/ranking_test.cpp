// Which candidate is named: depth, hand-over, cycles, distinct entities, the application itself.
#include "stages/infer/ranking.h"

#include <gtest/gtest.h>

#include <deque>

namespace gala::infer {
namespace {

/// Candidates built by hand; series 0 is the KPI on entity 0.
class Builder {
 public:
  Builder() { add(0); }

  std::size_t add(GraphIndex entity, double abnormality = 0.9) {
    AbnormalSeries series;
    series.entity = entity;
    series.metric = "m" + std::to_string(candidates.series.size());
    series.verdict.finding = Finding::abnormal;
    series.verdict.abnormality = abnormality;
    series.correlation = 0.9;
    candidates.series.push_back(series);
    return candidates.series.size() - 1;
  }

  void link(std::size_t cause, std::size_t effect, double prior = 0.8) {
    rules_.push_back({});
    rules_.back().hazard.prior = prior;
    candidates.links.push_back({effect, cause, &rules_.back(), 1, 1});
  }

  Candidates candidates;

 private:
  std::deque<Cause> rules_;
};

TEST(Ranking, NamesNobodyWithoutCandidates) {
  EXPECT_TRUE(rank(Builder().candidates, {}).empty());
  EXPECT_TRUE(rank(Candidates{{AbnormalSeries{}}, {}, {}, 0, false}, {}).empty());
}

TEST(Ranking, HandsOverToWhatExplainsACause) {
  Builder builder;
  const auto delay = builder.add(1);
  const auto busy = builder.add(2, 0.6);
  const auto hog = builder.add(3);
  builder.link(delay, 0);
  builder.link(busy, delay);
  builder.link(hog, busy);
  const auto causes = rank(builder.candidates, {});
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_EQ(causes[0].root, hog);
  EXPECT_EQ(causes[0].path.size(), 3U);
  EXPECT_GT(causes[0].score, 0.6);
  EXPECT_LE(causes[0].score, 1);
}

TEST(Ranking, KeepsACauseThatIsOnlyWeaklyExplained) {
  Builder builder;
  const auto disk = builder.add(1);
  const auto writer = builder.add(2, 0.05);
  builder.link(disk, 0);
  builder.link(writer, disk, 0.2);
  const auto causes = rank(builder.candidates, {});
  ASSERT_EQ(causes.size(), 2U);
  EXPECT_EQ(causes[0].root, disk);
}

// A busy server has no cause of its own when it is as busy as so many requests always make it.
TEST(Ranking, HandsOverWhatACausePredictsHoweverWeakTheRule) {
  Builder builder;
  const auto busy = builder.add(1);
  const auto requests = builder.add(2, 0.3);
  builder.link(busy, 0);
  builder.link(requests, busy, 0.2);
  EXPECT_EQ(rank(builder.candidates, {}).front().root, busy);
  builder.candidates.links.back().predicted = 0.9;
  ASSERT_EQ(rank(builder.candidates, {}).size(), 1U);
  EXPECT_EQ(rank(builder.candidates, {}).front().root, requests);
}

TEST(Ranking, EndsOnCycles) {
  Builder builder;
  const auto a = builder.add(1);
  const auto b = builder.add(2);
  const auto c = builder.add(3);
  builder.link(a, 0);
  builder.link(b, a);
  builder.link(c, b);
  builder.link(a, c);
  builder.link(b, c);
  builder.link(0, c);
  const auto causes = rank(builder.candidates, {});
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_EQ(causes[0].root, c);
}

TEST(Ranking, PutsTheApplicationItselfBehindAForeignCause) {
  Builder builder;
  const auto own = builder.add(0);
  const auto disk = builder.add(1, 0.5);
  builder.link(own, 0, 0.8);
  builder.link(disk, 0, 0.8);
  EXPECT_EQ(rank(builder.candidates, {}).front().root, own);
  EXPECT_EQ(rank(builder.candidates, {3, {0}}).front().root, disk);
}

TEST(Ranking, NamesAnEntityOnce) {
  Builder builder;
  for (const GraphIndex entity : {1U, 1U, 2U, 3U, 4U}) {
    builder.link(builder.add(entity), 0);
  }
  const auto causes = rank(builder.candidates, {});
  ASSERT_EQ(causes.size(), 3U);
  EXPECT_EQ(causes[0].root, 1U);
  EXPECT_EQ(causes[1].root, 3U);
}

TEST(Ranking, PrefersTheLargestChangeAmongItsLike) {
  Builder builder;
  const auto small = builder.add(1);
  const auto large = builder.add(2);
  builder.link(small, 0);
  builder.link(large, 0);
  builder.candidates.links[0].share = 0.05;
  EXPECT_EQ(rank(builder.candidates, {}).front().root, large);
}

// Of two workers that are slow one waits for a CPU that somebody took; the other one will, too.
TEST(Ranking, LetsWhatExplainsAWorkerExplainItsSiblings) {
  const auto ranked = [](const std::string& other_service) {
    Builder builder;
    const auto explained = builder.add(1, 0.6);
    const auto unexplained = builder.add(2, 0.95);
    const auto hog = builder.add(3, 0.7);
    builder.candidates.series[explained].metric = "processing";
    builder.candidates.series[unexplained].metric = "processing";
    builder.candidates.series[explained].service = "postgres";
    builder.candidates.series[unexplained].service = other_service;
    builder.link(explained, 0);
    builder.link(unexplained, 0);
    builder.link(hog, explained);
    return rank(builder.candidates, {}).front().root == hog;
  };
  EXPECT_TRUE(ranked("postgres"));
  EXPECT_FALSE(ranked("redis"));
}

}  // namespace
}  // namespace gala::infer
