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

/// What a case always tells of its answer: entity type, metric, keyword.
using Answer = std::tuple<std::string, std::string, std::string>;

/// The answers of the cases.
struct Proof {
  std::set<std::string> named;
  /// Of cases that name no hazard.
  std::set<Answer> answers;
};

const std::string folder = GALA_SOURCE_DIR "/tests/cases";

void add_answers(const std::filesystem::path& path, Proof& proof) {
  std::ifstream stream(path);
  Diagnostics diagnostics;
  const CaseFile file =
      read_case({path.string(), {std::istreambuf_iterator<char>(stream), {}}}, diagnostics);
  for (const ExpectCase& expect : file.expectations) {
    const auto blank = expect.cause.find(' ');
    const auto entity = file.entities.find(expect.cause.substr(0, blank));
    if (file.model != "schemas/model" || entity == file.entities.end()) {
      continue;
    }
    if (expect.hazard.empty()) {
      proof.answers.emplace(entity->second.type, expect.cause.substr(blank + 1), expect.keyword);
    } else {
      proof.named.insert(expect.hazard);
    }
  }
}

std::set<std::string> unproven() {
  std::set<std::string> listed;
  std::ifstream list(folder + "/unproven.txt");
  for (std::string line; std::getline(list, line);) {
    if (!line.empty() && line.front() != '#') {
      listed.insert(line);
    }
  }
  return listed;
}

/// Others have its metric and keyword, too.
bool is_shared(const Entity& entity, const Hazard& hazard) {
  return std::count_if(entity.hazards.begin(), entity.hazards.end(), [&](const Hazard& other) {
           return other.metric == hazard.metric && other.keyword == hazard.keyword;
         }) > 1;
}

TEST(Hazards, AreTheAnswerOfACaseOrAdmitThatNothingProvesThem) {
  Proof proof;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".toml") {
      add_answers(entry.path(), proof);
    }
  }
  std::set<std::string> listed = unproven();
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  const Model model = Model::load(GALA_SOURCE_DIR "/schemas/model", sources, diagnostics);
  for (const Entity& entity : model.entities()) {
    for (const Hazard& hazard : entity.hazards) {
      const std::string name = entity.name + "." + hazard.id;
      const bool answered = proof.answers.contains({entity.name, hazard.metric, hazard.keyword});
      EXPECT_FALSE(answered && is_shared(entity, hazard))
          << "an answer may be " << name << " or another: its case must say hazard = \"…\"";
      const bool proven = answered || proof.named.contains(name);
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
