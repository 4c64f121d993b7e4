// Descriptions and findings survive the way through JSON; hostile JSON is an error, never a crash.
#include "runtime/core/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gala {
namespace {

using ::testing::HasSubstr;

detail::StageType sample() {
  detail::StageType type;
  type.description = {"threshold",
                      "Judges.",
                      {wire::MessageType::observations},
                      {{"events", {wire::MessageType::event}, "What is abnormal."}},
                      "nothing \"special\""};
  type.fields.push_back({"window", "duration", "\"5s\"", "How far back.", 1,
                         std::numeric_limits<double>::infinity()});
  type.records = [](const std::string& share_directory) {
    EXPECT_EQ(share_directory, "share");
    return RecordSchemas{
        {"system.cpu", {{{"cpu", wire::ColumnKind::text}}}},
        {"system.cgroup", {{{"cgroup", wire::ColumnKind::text}}, {{Fact::cgroup_path, "cgroup"}}}}};
  };
  return type;
}

TEST(Describe, SurvivesTheWayThroughJson) {
  const auto read = parse_description(describe_json(sample(), "share"));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->description.name, "threshold");
  EXPECT_EQ(read->description.needs, "nothing \"special\"");
  EXPECT_EQ(read->description.inputs.at(0), wire::MessageType::observations);
  EXPECT_EQ(read->description.outputs.at(0).types.at(0), wire::MessageType::event);
  EXPECT_EQ(read->fields.at(0).minimum, 1);
  EXPECT_TRUE(std::isinf(read->fields.at(0).maximum));
  EXPECT_EQ(read->records.at("system.cpu").columns.at(0).kind, wire::ColumnKind::text);
  EXPECT_EQ(teachings_of(read->records),
            (TeachingsOfTables{{"system.cgroup", {{Fact::cgroup_path, "cgroup"}}}}));
}

TEST(Describe, TellsPeopleEverything) {
  const std::string text = describe_text(sample(), "share");
  for (const std::string_view expected :
       {"threshold: Judges.", "reads   observations", "events (event)",
        "window: duration, default \"5s\", at least 1s", "system.cpu: cpu",
        "teaches cgroup_path: cgroup"}) {
    EXPECT_THAT(text, HasSubstr(expected));
  }
}

TEST(Describe, RefusesWhatIsNoDescription) {
  for (const std::string_view json : {"", "[]", "{", "3", "{}", "{\"name\":3}"}) {
    EXPECT_FALSE(parse_description(json)) << json;
  }
  for (const std::string_view json :
       {R"({"name":"x","inputs":3,"outputs":{},"fields":[3],"records":[]})",
        R"({"name":"x","inputs":["none",3,"new_type"],"outputs":[{"types":"a"}],"records":{"a":3})"
        R"(,"teaches":{"a":{"cgroup_path":3,"new":"x"},"b":{"disk_name":"x"},"c":3,)"
        R"("d":["cgroup_path"]}})"}) {
    const auto read = parse_description(json);
    ASSERT_TRUE(read) << json;
    EXPECT_TRUE(read->description.inputs.empty()) << "types of a newer release are left out";
  }
}

TEST(Describe, FindingsSurviveTheWayThroughJson) {
  Diagnostics diagnostics;
  diagnostics.error({"b.toml", 3, 4}, "wrong \"x\"\xff");
  diagnostics.warn({"a.toml", 1, 2}, "odd");
  const auto read = parse_diagnostics(diagnostics_json(diagnostics));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->at(0).place.file, "a.toml");
  EXPECT_TRUE(read->at(0).warning);
  EXPECT_EQ(read->at(1).place.column, 4U);
  EXPECT_EQ(diagnostics_json({}), "[]");
  EXPECT_FALSE(parse_diagnostics("{}"));
  EXPECT_TRUE(parse_diagnostics(R"([3,{"line":-1}])"));
}

TEST(Catalog, SaysWhichDirectoryItCannotRead) {
  const auto catalog = load_catalog("/nonexistent/share");
  ASSERT_FALSE(catalog);
  EXPECT_THAT(catalog.error().what, HasSubstr("/nonexistent/share/stages"));
}

}  // namespace
}  // namespace gala
