// Each method of weighing evidence on candidates made by hand.
#include "stages/infer/method.h"

#include <gtest/gtest.h>

#include <vector>

namespace gala::infer {
namespace {

using namespace std::chrono_literals;

Weighed candidate(const std::string& group, double change) { return {group, change, change}; }

Question edited_at(std::chrono::seconds bent) {
  Question question;
  question.bent = Moment{bent};
  question.effect_began = question.bent;
  question.until = question.bent + 20s;
  question.window = 1s;
  question.within = 60s;
  return question;
}

TEST(Method, LevelComparesWithTheLargestChange) {
  std::vector<Weighed> of{candidate("a", 4), candidate("b", 1)};
  of[1].adds_up = true;
  of[1].wanted = 100;
  method_of(Method::level).weigh(of, {});
  EXPECT_DOUBLE_EQ(of[0].share, 1);
  EXPECT_DOUBLE_EQ(of[1].share, 0.25);
  EXPECT_DOUBLE_EQ(of[1].covered, 1) << "levels do not add up";
}

TEST(Method, PartOfASumExplainsWhatItMakesUp) {
  std::vector<Weighed> of{candidate("a", 4), candidate("b", 1)};
  for (Weighed& one : of) {
    one.adds_up = true;
    one.wanted = 2;
  }
  method_of(Method::part_of_a_sum).weigh(of, {});
  EXPECT_DOUBLE_EQ(of[0].covered, 1);
  EXPECT_DOUBLE_EQ(of[1].covered, 0.5);
  EXPECT_DOUBLE_EQ(of[1].share, 1) << "parts do not compete";
}

TEST(Method, SharesInGroupAddsUpWhatActsTogether) {
  std::vector<Weighed> of{candidate("cc", 1), candidate("cc", 2), candidate("sha", 4)};
  const EvidenceMethod& method = method_of(Method::shares_in_group);
  method.weigh(of, {});
  EXPECT_DOUBLE_EQ(of[0].share, 0.75);
  EXPECT_EQ(of[0].group_size, 2U);
  EXPECT_DOUBLE_EQ(of[2].share, 1);
  Hazard hazard;
  hazard.together = "comm";
  GraphNode node;
  node.id = "m1_proc_7";
  EXPECT_EQ(method.group_of(hazard, node), "m1_proc_7") << "nobody to act with";
}

// Somebody edits a file, takes it back, and edits it again: the last time counts, unless it came
// after.
TEST(Method, AppearsDatesAChangeByTheLastOne) {
  std::vector<Sample> samples;
  for (int second = 21; second <= 43; ++second) {
    const double value = second <= 30 ? 1 : second <= 38 ? 2 : second <= 41 ? 3 : 4;
    samples.push_back({Moment{std::chrono::seconds{second}}, value});
  }
  const EvidenceMethod& appears = method_of(Method::appears);
  const Verdict verdict = appears.judge(samples, edited_at(40s));
  EXPECT_EQ(verdict.finding, Finding::abnormal);
  EXPECT_EQ(verdict.bent, Moment{39s});
  EXPECT_EQ(appears.judge(samples, edited_at(36s)).bent, Moment{31s});
  EXPECT_EQ(appears.judge({}, edited_at(36s)).finding, Finding::no_data);
  EXPECT_NE(method_of(Method::level).judge(samples, edited_at(40s)).bent, Moment{39s});
}

TEST(Method, NoisyPartTakesOutliersForUsual) {
  std::vector<Sample> samples;
  for (int second = 1; second <= 60; ++second) {
    const double value = second > 50 ? 1.6 : second % 10 == 0 ? 3 : 1 + 0.01 * (second % 3);
    samples.push_back({Moment{std::chrono::seconds{second}}, value});
  }
  EXPECT_GT(method_of(Method::part_of_a_sum).judge(samples, edited_at(51s)).deviation,
            method_of(Method::noisy_part).judge(samples, edited_at(51s)).deviation);
}

}  // namespace
}  // namespace gala::infer
