// Every probe of this build fits its description. Needs neither kernel nor privileges.
#include "runtime/bpf/schema.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace gala::bpf {
namespace {

TEST(Schema, EveryBuiltProbeFitsItsDescription) {
  int probes = 0;
  for (const auto& entry : std::filesystem::directory_iterator{GALA_BPF_DIR}) {
    if (!entry.path().string().ends_with(".bpf.o")) {
      continue;
    }
    const std::string stem = entry.path().stem().stem();
    const auto schema =
        probe_schema(entry.path(), (entry.path().parent_path() / (stem + ".toml")).string());
    ASSERT_TRUE(schema) << schema.error().what;
    EXPECT_EQ(schema->name, stem);
    for (const TableSchema& table : schema->tables) {
      EXPECT_FALSE(table.columns.empty()) << stem << "." << table.name;
    }
    ++probes;
  }
  EXPECT_GE(probes, 6);
}

TEST(Schema, TellsKindsAndRoles) {
  const std::string base = std::string{GALA_BPF_DIR} + "/sli";
  const auto schema = probe_schema(base + ".bpf.o", base + ".toml");
  ASSERT_TRUE(schema) << schema.error().what;
  const TableSchema* servers = schema->find("servers");
  ASSERT_NE(servers, nullptr);
  EXPECT_EQ(servers->find("tgid")->role, wire::ColumnRole::key);
  EXPECT_EQ(servers->find("requests")->behaviour, wire::Behaviour::counter);
  EXPECT_EQ(servers->find("latency")->kind, wire::ColumnKind::histogram);
  EXPECT_EQ(servers->find("nothing"), nullptr);
}

TEST(Schema, NamesAMissingProgram) {
  const std::string base = std::string{GALA_BPF_DIR};
  const auto schema = probe_schema(base + "/sched.bpf.o", base + "/sli.toml");
  ASSERT_FALSE(schema);
  EXPECT_NE(schema.error().what.find("has no program"), std::string::npos) << schema.error().what;
}

}  // namespace
}  // namespace gala::bpf
