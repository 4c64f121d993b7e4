// Every probe of this build fits its description. Needs neither kernel nor privileges.
#include "runtime/bpf/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace gala::bpf {
namespace {

using ::testing::HasSubstr;

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

/// A description of a shipped probe with one text replaced, in a folder of its own.
class ChangedDescription {
 public:
  ChangedDescription(const std::string& probe, const std::string& from, const std::string& to)
      : path_(std::filesystem::temp_directory_path() /
              ("gala_schema_test_" + std::to_string(::getpid()) + ".toml")) {
    std::ifstream file(std::string{GALA_BPF_DIR} + "/" + probe + ".toml");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    std::ofstream(path_) << text.replace(at, from.size(), to);
  }
  ~ChangedDescription() { std::filesystem::remove(path_); }
  ChangedDescription(const ChangedDescription&) = delete;
  ChangedDescription& operator=(const ChangedDescription&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(Schema, NamesWhatIsWrongWithTeachings) {
  const ChangedDescription changed("proc_life", "process_end  = \"at_ns\"",
                                   "process_end = \"att_ns\"\ndisk_name = \"comm\"\n"
                                   "process_pgid = \"comm\"");
  const auto schema = probe_schema(std::string{GALA_BPF_DIR} + "/proc_life.bpf.o", changed.path());
  ASSERT_FALSE(schema);
  const std::string& what = schema.error().what;
  for (const std::string_view expected :
       {":23:15: no column \"att_ns\" to learn \"process_end\" from; did you mean \"at_ns\"?",
        ":24:1: a table that teaches \"disk_name\" needs the column \"major\"",
        ":24:1: a table that teaches \"disk_name\" needs the column \"minor\"",
        ":25:16: \"process_pgid\" is learned from a column of kind integer, and \"comm\" is of"}) {
    EXPECT_THAT(what, HasSubstr(changed.path() + std::string(expected)));
  }
}

TEST(Schema, TellsWhatColumnsTeach) {
  const std::string base = std::string{GALA_BPF_DIR} + "/proc_life";
  const auto schema = probe_schema(base + ".bpf.o", base + ".toml");
  ASSERT_TRUE(schema) << schema.error().what;
  const auto& teaches = schema->description.find_table("exits")->teaches;
  EXPECT_TRUE(std::ranges::any_of(teaches, [](const TaughtFact& taught) {
    return taught.fact == Fact::process_end && taught.column == "at_ns";
  }));
}

}  // namespace
}  // namespace gala::bpf
