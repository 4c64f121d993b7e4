// Remedies: which metric has which, and what is wrong with one.
#include <gmock/gmock.h>

#include "runtime/model/testing.h"

namespace gala {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string with_remedy(const std::string& lines) {
  return "[[hazard]]\nid = \"busy\"\nmetric = \"cpu_ns\"\nabove = 1\nkeyword = \"cpu\"\ntext = "
         "\"t\"\nzh = "
         "\"t\"\n"
         "[[exposure]]\nsuffers = \"delay\"\nto = \"busy\"\n"
         "[[remedy]]\nid = \"r\"\npropose = \"times:2\"\ntext = \"t\"\nzh = \"t\"\n" +
         lines;
}

TEST(Remedies, BelongToTheMetricsThatTheyMend) {
  const auto parsed = testing::parse(
      with_remedy("mends = [\"proc.cpu_ns\"]\ntarget = [\"sysctl:a:{cause.container|tgid}\"]\n"));
  ASSERT_FALSE(parsed.diagnostics.has_errors()) << parsed.diagnostics.render({});
  EXPECT_THAT(parsed.model.remedies_of("proc", "cpu_ns"), SizeIs(1));
  EXPECT_THAT(parsed.model.remedies_of("proc", "delay"), SizeIs(0));
}

TEST(Remedies, MustMendCausesAndKnowWhatTheySpeakOf) {
  struct Case {
    std::string lines;
    std::string expected;
  };
  const std::string good = "mends = [\"proc.cpu_ns\"]\ntarget = [\"sysctl:a\"]\n";
  for (const Case& one : {
           Case{"target = [\"sysctl:a\"]\n", "needs \"mends\" and \"target\""},
           {"mends = [\"proc.cpu_ns\"]\n", "needs \"mends\" and \"target\""},
           {"mends = [\"proc.delay\"]\ntarget = [\"a\"]\n", "nothing mends \"proc.delay\""},
           {"mends = [\"cpu_ns\"]\ntarget = [\"a\"]\n", "nothing mends \"cpu_ns\""},
           {"mends = [\"proc.cpu_ns\"]\ntarget = [\"a:{cause.port}\"]\n",
            "{cause.port} is not known of \"proc\""},
           {"mends = [\"proc.cpu_ns\"]\ntarget = [\"a:{tgid}\"]\n", "{tgid} is not known"},
           {good + "[[remedy]]\nid = \"r\"\npropose = \"times:2\"\ntext = \"t\"\nzh = \"t\"\n" +
                good,
            "two remedies \"r\""},
       }) {
    EXPECT_THAT(testing::parse(with_remedy(one.lines)).diagnostics.render({}),
                HasSubstr(one.expected));
  }
}

}  // namespace
}  // namespace gala
