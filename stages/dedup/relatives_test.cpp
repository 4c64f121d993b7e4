// Who is near, within the limits of a search.
#include "stages/dedup/relatives.h"

#include <gtest/gtest.h>

#include "stages/dedup/incident_world.h"

namespace gala::dedup::dedup_test {
namespace {

/// How many of `search`'s answers there are for a server with that many clients.
struct Found {
  std::size_t visits = 0;
  std::uint64_t cut_searches = 0;
};

Found search_around_a_server(int clients) {
  Map map;
  const std::string server = map.add("m1", "proc", "server");
  for (int number = 0; number < clients; ++number) {
    map.relate(map.add("m1", "proc", std::to_string(number)), "connect", server);
  }
  Relatives relatives(shipped_model(), {.visited = 100});
  const auto message = map.message(1);
  relatives.apply(*wire::GetTopologySnapshot(message.data()));
  Found found;
  relatives.search(
      server, [](std::string_view) { return true; },
      [&](std::string_view, const std::vector<std::string_view>&) { ++found.visits; });
  found.cut_searches = relatives.cut_searches();
  return found;
}

TEST(Relatives, FindsAllThatTheLimitAllows) {
  const Found found = search_around_a_server(99);
  EXPECT_EQ(found.visits, 99U);
  EXPECT_EQ(found.cut_searches, 0U);
}

// One entity may have more relations than the whole search may look at.
TEST(Relatives, EndsAtTheLimitAlsoAmongTheRelationsOfOneEntity) {
  const Found found = search_around_a_server(5000);
  EXPECT_EQ(found.visits, 99U);
  EXPECT_EQ(found.cut_searches, 1U);
}

}  // namespace
}  // namespace gala::dedup::dedup_test
