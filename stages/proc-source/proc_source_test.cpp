// The stage: its messages on captured trees and on this host, cadences, checks.
#include "stages/proc-source/proc_source.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

namespace gala::proc_source {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const StageContext& context() {
  static const Model model;
  static const StageContext made{.model = model,
                                 .machine_id = "m1",
                                 .pipeline = "test",
                                 .stage = "system",
                                 .period = std::chrono::seconds(1),
                                 .state_directory = "",
                                 .share_directory = ""};
  return made;
}

Instant at(int seconds) {
  return {BootTime{std::chrono::seconds(seconds)}, WallTime{std::chrono::seconds(1000 + seconds)}};
}

ProcSource make_source(const std::string& root, std::vector<std::string> tables = {}) {
  ProcSource::Config config;
  config.root = root;
  config.tables = std::move(tables);
  return ProcSource(config, context());
}

/// Messages of one tick by table; each is verified.
using Tables = std::map<std::string, std::vector<std::uint8_t>>;
Tables tick(ProcSource& source, Instant now) {
  Outbox out;
  source.tick(now, out);
  Tables tables;
  for (Outgoing& message : out.items()) {
    flatbuffers::Verifier verifier(message.payload.data(), message.payload.size());
    EXPECT_TRUE(verifier.VerifyBuffer<wire::Records>("GREC")) << message.subject;
    EXPECT_TRUE(tables.emplace(message.subject, std::move(message.payload)).second)
        << message.subject << " was sent twice";
  }
  return tables;
}

const wire::Records& records_of(const Tables& tables, const std::string& table) {
  return *flatbuffers::GetRoot<wire::Records>(tables.at(table).data());
}

class ProcSourceTree : public ::testing::TestWithParam<const char*> {};

// On any tree: no crash, valid messages, and exactly the columns that were declared.
TEST_P(ProcSourceTree, SendsWhatItDeclares) {
  ProcSource source = make_source(std::string(GALA_DATA_DIR "/") + GetParam());
  ASSERT_TRUE(source.start(at(0)));
  const RecordSchemas schemas = ProcSource::records(context().share_directory);
  for (int second = 1; second < 3; ++second) {
    const Tables tables = tick(source, at(second));
    EXPECT_FALSE(tables.empty());
    for (const auto& [table, payload] : tables) {
      const wire::Records& records = records_of(tables, table);
      const TableView view(records.columns(), records.rows());
      EXPECT_EQ(view.unreadable(), 0U) << table;
      ASSERT_TRUE(schemas.contains(table)) << table;
      for (const RecordColumn& column : schemas.find(table)->second.columns) {
        ASSERT_TRUE(view.find(column.name).valid()) << table << " " << column.name;
        EXPECT_EQ(view.find(column.name).kind(), column.kind);
      }
    }
  }
}

TEST(ProcSource, HasTheColumnsOfWhatItTeaches) {
  const RecordSchemas schemas = ProcSource::records(context().share_directory);
  const Teachings& of_process = schemas.find("system.proc")->second.teaches;
  EXPECT_EQ(column_of(of_process, Fact::process_begin), "start_time_ns");
  EXPECT_EQ(column_of(of_process, Fact::process_cmdline), "cmdline");
  for (const auto& [name, table] : schemas) {
    for (const auto& [fact, column] : table.teaches) {
      EXPECT_THAT(missing_keys(fact, table.columns), ::testing::IsEmpty()) << name;
      EXPECT_EQ(wrong_column(fact, column, table.columns), "") << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Trees, ProcSourceTree,
                         ::testing::Values("proc_v1", "proc_v2", "proc_hybrid", "proc_weird"));

TEST(ProcSource, StampsWindowsWithBootTime) {
  ProcSource source = make_source(GALA_DATA_DIR "/proc_v2", {"cpu"});
  ASSERT_TRUE(source.start(at(0)));
  tick(source, at(10));
  // The wall clock steps back by an hour; windows do not notice.
  Instant stepped = at(11);
  stepped.wall.since_epoch -= std::chrono::hours(1);
  const Tables tables = tick(source, stepped);
  const wire::Records& records = records_of(tables, "system.cpu");
  EXPECT_EQ(records.window_start_ns(), 10'000'000'000U);
  EXPECT_EQ(records.window_end_ns(), 11'000'000'000U);
  EXPECT_FALSE(records.counters_from_zero());
  EXPECT_EQ(records.machine_id()->string_view(), "m1");
}

TEST(ProcSource, ReadsMemoryClassesAndFactsRarely) {
  ProcSource source = make_source(GALA_DATA_DIR "/proc_v2");
  ASSERT_TRUE(source.start(at(0)));
  std::multiset<std::string> seen;
  for (int second = 1; second <= 61; ++second) {
    for (const auto& [table, payload] : tick(source, at(second))) {
      seen.insert(table);
    }
  }
  EXPECT_EQ(seen.count("system.proc"), 61U);
  EXPECT_EQ(seen.count("system.proc_memory"), 2U);
  EXPECT_EQ(seen.count("system.host"), 7U);
}

TEST(ProcSource, SendsOnlyWantedTables) {
  ProcSource source = make_source(GALA_DATA_DIR "/proc_v2", {"mem", "pressure"});
  ASSERT_TRUE(source.start(at(0)));
  std::vector<std::string> names;
  for (const auto& [table, payload] : tick(source, at(1))) {
    names.push_back(table);
  }
  EXPECT_THAT(names, ElementsAre("system.mem", "system.pressure"));
}

TEST(ProcSource, CountsAndExplainsWhatItsLimitLeavesOut) {
  ProcSource::Config config;
  config.root = GALA_DATA_DIR "/proc_v2";
  config.max_processes = 1;
  ProcSource source(config, context());
  ASSERT_TRUE(source.start(at(0)));
  const Tables tables = tick(source, at(1));
  EXPECT_EQ(records_of(tables, "system.proc").lost(), 3U);
  SelfReport report;
  source.report(report);
  EXPECT_THAT(report.complaints, Contains(HasSubstr("beyond max_processes = 1")));
}

TEST(ProcSource, RefusesARootWithoutProc) {
  EXPECT_FALSE(make_source("/no/such/root").start(at(0)));
  EXPECT_FALSE(make_source(GALA_DATA_DIR).start(at(0)));
}

TEST(ProcSource, NamesUnknownTablesAtTheirPlace) {
  Diagnostics diagnostics;
  const auto section = parse_toml({"p.toml", "tables = [\"cpu\", \"pressur\"]"}, diagnostics);
  const auto config = read_config<ProcSource::Config>(*section, {}, diagnostics);
  ProcSource::check(config, context(), *section, diagnostics);
  const auto found = diagnostics.sorted();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].place.column, 18U);
  EXPECT_EQ(found[0].text, "unknown table \"pressur\"; did you mean \"pressure\"?");
}

// The running kernel: the tables every Linux has are there, and time goes forward.
TEST(ProcSourceLive, MeasuresThisHost) {
  ProcSource source = make_source("/");
  ASSERT_TRUE(source.start(at(0)));
  const Tables tables = tick(source, at(1));
  for (const char* table : {"system.proc", "system.cpu", "system.cpu_total", "system.mem",
                            "system.net", "system.nic", "system.fs", "system.host"}) {
    ASSERT_TRUE(tables.contains(table)) << table;
    EXPECT_GT(records_of(tables, table).rows(), 0U) << table;
  }
  const wire::Records& total = records_of(tables, "system.cpu_total");
  const TableView view(total.columns(), total.rows());
  EXPECT_GT(view.find("busy_ns").number(0), 0);
  EXPECT_EQ(view.find("busy_ns").behaviour(), wire::Behaviour::counter);
  EXPECT_EQ(view.find("cpu_count").behaviour(), wire::Behaviour::gauge);
}

}  // namespace
}  // namespace gala::proc_source
