// Each hazard of the shipped model is the answer of a case, or admits that nothing proves it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <tuple>

#include "runtime/model/model.h"
#include "tests/cases/case_file.h"

namespace gala::cases {
namespace {

/// What a case can tell of its answer: entity type, metric, keyword.
using Answer = std::tuple<std::string, std::string, std::string>;

const std::string folder = GALA_SOURCE_DIR "/tests/cases";

void add_answers(const std::filesystem::path& path, std::set<Answer>& answers) {
  std::ifstream stream(path);
  Diagnostics diagnostics;
  const CaseFile file =
      read_case({path.string(), {std::istreambuf_iterator<char>(stream), {}}}, diagnostics);
  for (const ExpectCase& expect : file.expectations) {
    const auto blank = expect.cause.find(' ');
    const auto entity = file.entities.find(expect.cause.substr(0, blank));
    if (file.model == "schemas/model" && entity != file.entities.end()) {
      answers.emplace(entity->second.type, expect.cause.substr(blank + 1), expect.keyword);
    }
  }
}

TEST(Hazards, AreTheAnswerOfACaseOrAdmitThatNothingProvesThem) {
  std::set<Answer> answers;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".toml") {
      add_answers(entry.path(), answers);
    }
  }
  std::set<std::string> listed;
  std::ifstream list(folder + "/unproven.txt");
  for (std::string line; std::getline(list, line);) {
    if (!line.empty() && line.front() != '#') {
      listed.insert(line);
    }
  }
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  const Model model = Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics);
  for (const Entity& entity : model.entities()) {
    for (const Hazard& hazard : entity.hazards) {
      const std::string name = entity.name + "." + hazard.id;
      const bool proven = answers.contains({entity.name, hazard.metric, hazard.keyword});
      EXPECT_FALSE(proven && listed.contains(name)) << name << " is proven: strike it off the list";
      EXPECT_TRUE(proven || listed.contains(name))
          << name << " is no answer of any case in " << folder;
      listed.erase(name);
    }
  }
  EXPECT_TRUE(listed.empty()) << *listed.begin() << " is listed, but no hazard";
}

}  // namespace
}  // namespace gala::cases
