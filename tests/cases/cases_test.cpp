// Every *.toml of this folder is a case: series and an abnormal KPI in, the expected cause out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/cases/case_run.h"

namespace gala::cases {
namespace {

/// What cases and model are read from; tests/recipes gives a copy of the tree.
std::string tree() {
  const char* copy = std::getenv("GALA_TREE");
  return copy == nullptr ? GALA_SOURCE_DIR : copy;
}

std::vector<std::string> case_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(tree() + "/tests/cases")) {
    if (entry.path().extension() == ".toml") {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string name_of(const testing::TestParamInfo<std::string>& info) {
  return std::filesystem::path(info.param).stem().string();
}

/// The last diagnosis of a KPI, or nullptr.
const wire::DiagnosisT* last_of(const Outcome& outcome, const std::string& kpi) {
  const wire::DiagnosisT* last = nullptr;
  for (const Said& said : outcome.said) {
    const auto name = outcome.name_of.find(said.diagnosis.kpi_entity_id);
    if (name != outcome.name_of.end() && name->second == kpi) {
      last = &said.diagnosis;
    }
  }
  return last;
}

std::string named(const Outcome& outcome, const std::string& id, const std::string& metric) {
  const auto name = outcome.name_of.find(id);
  return (name == outcome.name_of.end() ? id : name->second) + " " + metric;
}

std::string told(const Outcome& outcome, const wire::DiagnosisT& diagnosis) {
  std::string text = diagnosis.sentence + "\n";
  for (const auto& cause : diagnosis.causes) {
    text += std::to_string(cause->score) + " " + named(outcome, cause->entity_id, cause->metric) +
            ": " + cause->sentence + "\n";
    for (const auto& step : cause->path) {
      text += "    " + std::to_string(step->score) + " " +
              named(outcome, step->entity_id, step->metric) + " " + step->relation + "\n";
    }
  }
  for (const auto& out : diagnosis.ruled_out) {
    text += "  not " + named(outcome, out->entity_id, out->metric) + ": " + out->reason + "\n";
  }
  return text;
}

/// The sentence is the text with something in each place of the text.
bool is_worded(std::string_view sentence, std::string_view text) {
  while (!text.empty()) {
    const std::string_view fixed = text.substr(0, text.find('{'));
    text.remove_prefix(fixed.size());
    const auto place = sentence.find(fixed);
    if (text.empty()) {
      return sentence.ends_with(fixed);
    }
    if (place == std::string_view::npos) {
      return false;
    }
    sentence.remove_prefix(place + fixed.size());
    text.remove_prefix(text.find('}') + 1);
  }
  return true;
}

void check_hazard(const wire::CauseT& cause, const Model& model, const std::string& name) {
  const auto dot = name.find('.');
  const Entity* entity = model.find(name.substr(0, dot));
  ASSERT_NE(entity, nullptr) << name;
  const auto hazard =
      std::find_if(entity->hazards.begin(), entity->hazards.end(),
                   [&](const Hazard& one) { return one.id == name.substr(dot + 1); });
  ASSERT_NE(hazard, entity->hazards.end()) << name;
  EXPECT_TRUE(is_worded(cause.sentence, hazard->text.en)) << name << " says something else";
}

void check_first(const Outcome& outcome, const Model& model, const wire::DiagnosisT& diagnosis,
                 const ExpectCase& expect) {
  if (expect.cause.empty()) {
    EXPECT_TRUE(diagnosis.causes.empty());
    return;
  }
  ASSERT_FALSE(diagnosis.causes.empty());
  const wire::CauseT& first = *diagnosis.causes.front();
  EXPECT_EQ(named(outcome, first.entity_id, first.metric), expect.cause);
  if (!expect.keyword.empty()) {
    EXPECT_EQ(first.keyword, expect.keyword);
  }
  if (!expect.hazard.empty()) {
    check_hazard(first, model, expect.hazard);
  }
  if (!expect.path.empty()) {
    std::vector<std::string> path;
    for (const auto& step : first.path) {
      path.push_back(outcome.name_of.at(step->entity_id));
    }
    EXPECT_EQ(path, expect.path);
  }
}

void check_rest(const Outcome& outcome, const wire::DiagnosisT& diagnosis,
                const ExpectCase& expect) {
  EXPECT_NE(diagnosis.sentence.find(expect.says), std::string::npos);
  for (const auto& cause : diagnosis.causes) {
    const std::string& name = outcome.name_of.at(cause->entity_id);
    EXPECT_EQ(std::count(expect.never.begin(), expect.never.end(), name), 0) << name;
  }
  for (const auto& [what, reason] : expect.ruled_out) {
    const bool found =
        std::any_of(diagnosis.ruled_out.begin(), diagnosis.ruled_out.end(), [&](const auto& out) {
          return named(outcome, out->entity_id, out->metric) == what && out->reason == reason;
        });
    EXPECT_TRUE(found) << what << " should be ruled out: " << reason;
  }
}

/// Windows from the event to the first diagnosis that names the expected cause first.
std::optional<std::size_t> windows_to(const Outcome& outcome, const ExpectCase& expect,
                                      std::size_t event_said) {
  for (const Said& said : outcome.said) {
    if (!said.diagnosis.causes.empty() &&
        named(outcome, said.diagnosis.causes.front()->entity_id,
              said.diagnosis.causes.front()->metric) == expect.cause) {
      return said.window - event_said;
    }
  }
  return std::nullopt;
}

class Cases : public testing::TestWithParam<std::string> {};

TEST_P(Cases, DiagnosesAsExpected) {
  std::ifstream stream(GetParam());
  SourceText source{GetParam(), {std::istreambuf_iterator<char>(stream), {}}};
  Diagnostics diagnostics;
  const CaseFile file = read_case(source, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render(std::vector{source});
  std::vector<SourceText> sources;
  const Model model = Model::load(tree() + "/" + file.model, sources, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.render(sources);

  const Outcome outcome = play(file, model);
  EXPECT_EQ(outcome.bytes, play(file, model).bytes) << "two runs differ";
  for (const ExpectCase& expect : file.expectations) {
    const wire::DiagnosisT* diagnosis = last_of(outcome, expect.of);
    ASSERT_NE(diagnosis, nullptr) << "nothing was said of " << expect.of;
    SCOPED_TRACE(file.about + "\n" + told(outcome, *diagnosis));
    check_first(outcome, model, *diagnosis, expect);
    check_rest(outcome, *diagnosis, expect);
    if (expect.within) {
      const auto windows = windows_to(outcome, expect, file.events.front().said);
      ASSERT_TRUE(windows);
      EXPECT_LE(*windows, *expect.within);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Folder, Cases, testing::ValuesIn(case_files()), name_of);

}  // namespace
}  // namespace gala::cases
