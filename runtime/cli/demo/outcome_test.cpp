// Each version of a diagnosis is told with its own time and its own rank.
#include "runtime/cli/demo/outcome.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gala::demo {
namespace {

using namespace std::chrono_literals;

Outcome of_two_versions() {
  Outcome outcome;
  outcome.fault = "disk";
  outcome.first_version = Version{{Verdict::wrong, 3}, 2500ms};
  outcome.last_version = Version{{Verdict::right, 1}, 9s};
  return outcome;
}

TEST(Outcome, TellsEachVersionWithItsTimeAndRank) {
  Outcome outcome = of_two_versions();
  outcome.first_version->after = 3s;
  EXPECT_EQ(outcome_sentence(outcome),
            "3 s after the fault began, the first version of the diagnosis named the injected "
            "fault at rank 3; after 9 s, its last version named the injected fault at rank 1");
  outcome.last_version = outcome.first_version = Version{{Verdict::half, std::nullopt}, 3s};
  EXPECT_EQ(outcome_sentence(outcome),
            "3 s after the fault began, the diagnosis was half right: it named the right resource "
            "or thing, but not the fault itself");
}

TEST(Outcome, IsOneObjectForPrograms) {
  const auto json = nlohmann::json::parse(outcome_json(of_two_versions()));
  EXPECT_EQ(json["first_version"],
            nlohmann::json::parse(R"({"verdict":"wrong","rank":3,"seconds":2.5})"));
  EXPECT_EQ(json["last_version"],
            nlohmann::json::parse(R"({"verdict":"right","rank":1,"seconds":9})"));
  EXPECT_EQ(json["seconds_to_diagnosis"], 2.5);
  EXPECT_TRUE(nlohmann::json::parse(outcome_json({}))["first_version"].is_null());
}

}  // namespace
}  // namespace gala::demo
