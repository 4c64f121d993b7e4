// What counts as abnormal, and what is ruled out with which reason.
#include "stages/infer/abnormality.h"

#include <gtest/gtest.h>

#include <vector>

namespace gala::infer {
namespace {

using namespace std::chrono_literals;

/// One value a second; window i ends at second i + 1.
std::vector<Sample> series(const std::vector<double>& values) {
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < values.size(); ++i) {
    samples.push_back({Moment{std::chrono::seconds{i + 1}}, values[i]});
  }
  return samples;
}

std::vector<double> step(std::size_t before, double low, std::size_t after, double high) {
  std::vector<double> values(before, low);
  values.insert(values.end(), after, high);
  return values;
}

Question bent_at(std::size_t second) {
  Question question;
  question.bent = Moment{std::chrono::seconds{second}};
  question.effect_began = question.bent;
  question.until = question.bent + 20s;
  question.window = 1s;
  question.within = 10s;
  return question;
}

TEST(Abnormality, FindsWhenASeriesBent) {
  const Verdict verdict = judge(series(step(40, 1, 20, 5)), bent_at(42));
  EXPECT_EQ(verdict.finding, Finding::abnormal);
  EXPECT_EQ(verdict.began, Moment{40s});
  EXPECT_EQ(verdict.bent, Moment{41s});
  EXPECT_DOUBLE_EQ(verdict.baseline, 1);
  EXPECT_DOUBLE_EQ(verdict.level, 5);
  EXPECT_GT(verdict.abnormality, 0.8);
}

TEST(Abnormality, JudgesAJumpFromConstantZero) {
  const Verdict verdict = judge(series(step(40, 0, 20, 3)), bent_at(41));
  EXPECT_EQ(verdict.finding, Finding::abnormal);
  EXPECT_DOUBLE_EQ(verdict.deviation, 20);
}

TEST(Abnormality, TellsASettingAsItIsNow) {
  std::vector<double> limits = step(40, 4, 10, 0.5);
  limits.insert(limits.end(), {0.25, 0.25});
  Question question = bent_at(41);
  question.direction = wire::Direction::low;
  EXPECT_GT(judge(series(limits), question).level, 0.4);
  question.is_setting = true;
  EXPECT_DOUBLE_EQ(judge(series(limits), question).level, 0.25);
}

TEST(Abnormality, RulesOutWhatBeganAfterTheKpi) {
  EXPECT_EQ(judge(series(step(44, 1, 16, 5)), bent_at(41)).finding, Finding::began_after);
}

TEST(Abnormality, ToleratesOneWindow) {
  EXPECT_EQ(judge(series(step(41, 1, 19, 5)), bent_at(41)).finding, Finding::abnormal);
}

// A disk that gets slower and slower: next to where it ends, its beginning looks small.
TEST(Abnormality, FindsTheBeginningOfWhatGrows) {
  std::vector<double> values(40, 0.4);
  values.insert(values.end(), {4, 8, 100, 150, 160});
  const Verdict verdict = judge(series(values), bent_at(41));
  EXPECT_EQ(verdict.finding, Finding::abnormal);
  EXPECT_EQ(verdict.bent, Moment{41s});
  EXPECT_GT(verdict.level, 100);
}

// The same trouble came a minute ago: it is no precedent that makes its cause usual.
TEST(Abnormality, LearnsNothingFromEarlierTroubles) {
  std::vector<double> values(60, 1);
  std::fill(values.begin() + 20, values.begin() + 30, 9);
  values.insert(values.end(), 10, 9);
  Question question = bent_at(61);
  EXPECT_EQ(judge(series(values), question).finding, Finding::unchanged);
  const auto troubles = earlier_troubles(series(values), question);
  ASSERT_EQ(troubles.size(), 1U);
  EXPECT_EQ(troubles[0], std::pair(Moment{20s}, Moment{31s}));
  question.troubles = troubles;
  EXPECT_EQ(judge(series(values), question).finding, Finding::abnormal);
}

// A hog that was killed half a minute ago left no window that says so.
TEST(Abnormality, TrustsLittleWhatNothingIsToldOfAnyMore) {
  Question question = bent_at(60);
  question.within = 60s;
  const Verdict ended = judge(series(step(25, 0, 5, 9)), question);
  const Verdict lasts = judge(series(step(25, 0, 35, 9)), question);
  EXPECT_LT(ended.abnormality, 0.5 * lasts.abnormality);
}

TEST(Abnormality, RulesOutWhatWasOver) {
  std::vector<double> values = step(15, 0, 3, 9);
  values.resize(60, 0);
  EXPECT_EQ(judge(series(values), bent_at(41)).finding, Finding::over_before);
}

TEST(Abnormality, KeepsWhatIsOngoingSinceLongBefore) {
  EXPECT_EQ(judge(series(step(40, 1, 60, 5)), bent_at(60)).finding, Finding::abnormal);
}

TEST(Abnormality, RulesOutWhatStayedBelowTheRulesLimit) {
  Question question = bent_at(41);
  question.above = 4;
  EXPECT_EQ(judge(series(step(40, 0, 20, 3)), question).finding, Finding::too_small);
  question.above = 2;
  EXPECT_EQ(judge(series(step(40, 0, 20, 3)), question).finding, Finding::abnormal);
}

TEST(Abnormality, LooksInTheRulesDirectionOnly) {
  Question question = bent_at(41);
  EXPECT_EQ(judge(series(step(40, 5, 20, 1)), question).finding, Finding::unchanged);
  question.direction = wire::Direction::low;
  EXPECT_EQ(judge(series(step(40, 5, 20, 1)), question).finding, Finding::abnormal);
}

TEST(Abnormality, SaysThatHistoryIsMissing) {
  EXPECT_EQ(judge(series(step(3, 1, 5, 9)), bent_at(4)).finding, Finding::no_history);
  EXPECT_EQ(judge({}, bent_at(4)).finding, Finding::no_data);
}

TEST(Abnormality, TakesWhatDidNotExistForZero) {
  Question question = bent_at(41);
  question.born = Moment{40s};
  std::vector<Sample> samples = series(std::vector<double>(60, 0.9));
  samples.erase(samples.begin(), samples.begin() + 40);
  const Verdict verdict = judge(samples, question);
  EXPECT_EQ(verdict.finding, Finding::abnormal);
  EXPECT_DOUBLE_EQ(verdict.baseline, 0);
}

TEST(Abnormality, TakesWhatAlwaysHappensForUsual) {
  std::vector<double> values;
  for (int i = 0; i < 60; ++i) {
    values.push_back(i % 3 == 0 ? 9 : 0);
  }
  EXPECT_EQ(judge(series(values), bent_at(41)).finding, Finding::unchanged);
}

TEST(Abnormality, BridgesShortPausesOfABurstyCause) {
  std::vector<double> values(40, 0);
  for (int i = 0; i < 20; ++i) {
    values.push_back(i % 3 == 0 ? 9 : 0);
  }
  const Verdict verdict = judge(series(values), bent_at(42));
  EXPECT_EQ(verdict.finding, Finding::abnormal);
  EXPECT_EQ(verdict.bent, Moment{41s});
}

TEST(Abnormality, LooksNoFurtherThanAsked) {
  Question question = bent_at(41);
  question.until = Moment{40s};
  EXPECT_EQ(judge(series(step(40, 1, 20, 5)), question).finding, Finding::unchanged);
}

}  // namespace
}  // namespace gala::infer
