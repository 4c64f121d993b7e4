// The scenarios that docs/model.md promises: each check of its table exists.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <string>

#include "runtime/model/model.h"

namespace gala::detect {
namespace {

bool has_check(const Model& model, const std::string& entity_name, const std::string& check) {
  const Entity* entity = model.find(entity_name);
  return entity != nullptr && std::any_of(entity->checks.begin(), entity->checks.end(),
                                          [&](const Check& one) { return one.id == check; });
}

TEST(Scenarios, OfTheEarlierSystemAreModelData) {
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  const Model model = Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render(sources);
  std::ifstream file(GALA_SOURCE_DIR "/docs/model.md");
  const std::regex named("`([a-z_]+)\\.([a-z0-9_]+)`");
  std::size_t scenarios = 0;
  bool is_inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) {
      is_inside = line == "## Scenarios of the earlier system";
    }
    if (!is_inside || !line.starts_with("| ")) {
      continue;
    }
    ++scenarios;
    for (std::sregex_iterator at(line.begin(), line.end(), named), end; at != end; ++at) {
      EXPECT_TRUE(has_check(model, (*at)[1], (*at)[2])) << at->str() << " is not in the model";
    }
  }
  EXPECT_GE(scenarios, 15U);
}

}  // namespace
}  // namespace gala::detect
