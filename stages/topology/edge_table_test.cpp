// The table of edges against a plain map, under random insertions and removals.
#include "stages/topology/edge_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace gala::topology {
namespace {

TEST(EdgeTable, AgreesWithAMap) {
  std::mt19937 random(7);
  const auto below = [&random](unsigned long end) {
    return static_cast<std::uint32_t>(random() % end);
  };
  std::vector<EdgeKey> keys;
  const auto key_at = [&keys](std::uint32_t position) { return keys[position]; };
  EdgeTable table;
  std::map<EdgeKey, std::uint32_t> expected;
  for (int step = 0; step < 20'000; ++step) {
    const EdgeKey key{below(2), below(40), below(40)};
    const auto known = expected.find(key);
    const auto found = table.find(key, key_at);
    ASSERT_EQ(found.has_value(), known != expected.end());
    if (known == expected.end()) {
      keys.push_back(key);
      const auto position = static_cast<std::uint32_t>(keys.size() - 1);
      table.insert(position, key_at);
      expected.emplace(key, position);
    } else {
      ASSERT_EQ(*found, known->second);
      if (below(3) != 0) {
        table.erase(key, key_at);
        expected.erase(known);
      }
    }
    ASSERT_EQ(table.size(), expected.size());
  }
  for (const auto& [key, position] : expected) {
    EXPECT_EQ(table.find(key, key_at), position);
  }
}

}  // namespace
}  // namespace gala::topology
