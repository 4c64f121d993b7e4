// Paths in groups: what varies too much is a value.
#include "stages/l7-source/routes.h"

#include <gtest/gtest.h>

#include <set>

namespace gala::l7_source {
namespace {

TEST(Routes, KeepsWhatHasFewNames) {
  Routes routes(4);
  EXPECT_EQ(routes.group("GET /user/settings", true), "GET /user/settings");
  EXPECT_EQ(routes.group("GET /", true), "GET /");
  EXPECT_EQ(routes.group("SELECT ? FROM t", true), "SELECT ? FROM t");
}

TEST(Routes, MakesALevelOfManyNamesOneOfValues) {
  Routes routes(4);
  std::set<std::string> groups;
  for (int i = 0; i < 100; ++i) {
    groups.insert(routes.group(
        "GET /post/title-" + std::string(1, static_cast<char>('a' + i % 26)) + "/comments", true));
  }
  EXPECT_EQ(groups.size(), 5u) << "four before it was known, and one from then on";
  EXPECT_EQ(routes.group("GET /post/anything/comments", true), "GET /post/{id}/comments");
  EXPECT_EQ(routes.group("GET /about", true), "GET /about") << "other levels are as before";
}

TEST(Routes, LearnsNothingFromWhatIsAskedInVain) {
  Routes routes(4);
  routes.group("GET /real", true);
  EXPECT_EQ(routes.group("GET /real", false), "GET /real");
  EXPECT_EQ(routes.group("GET /wp-admin", false), "~other");
  EXPECT_EQ(routes.group("GET /wp-admin", false), "~other");
}

TEST(Routes, ForgetWhatNobodyAsksForAnyMore) {
  Routes routes(4);
  std::size_t other = 0;
  for (int i = 0; i < 2000; ++i) {
    other += routes.group("SELECT old" + std::to_string(i), true) == Routes::other ? 1 : 0;
  }
  ASSERT_GT(other, 0u) << "the first level is full";
  for (std::uint32_t i = 0; i < 2 * Routes::idle_windows; ++i) {
    routes.group("GET /kept", true);
    routes.end_window();
  }
  EXPECT_EQ(routes.group("SELECT old0", false), "~other") << "it is forgotten";
  EXPECT_EQ(routes.group("GET /kept", false), "GET /kept");
  for (int i = 0; i < 500; ++i) {
    const std::string api = "SELECT new" + std::to_string(i);
    EXPECT_EQ(routes.group(api, true), api) << "there is room again";
  }
}

TEST(Routes, StayBounded) {
  Routes routes(1000);
  std::size_t other = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = "M" + std::to_string(i % 7) + " /" + std::to_string(i % 300) + "/" +
                             std::to_string(i % 900);
    other += routes.group(name, true) == Routes::other ? 1 : 0;
  }
  EXPECT_GT(other, 0u);
}

}  // namespace
}  // namespace gala::l7_source
