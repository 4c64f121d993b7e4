// The model at work: a site's overrides, record schemas, ids, sentences.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "runtime/model/fill.h"
#include "runtime/model/testing.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using testing::check_with;
using testing::expect_one;
using ::testing::HasSubstr;
using testing::parse;
using testing::Parsed;

TEST(Override, ChangesValuesOfOneCheck) {
  Parsed parsed = parse(check_with("metric = \"cpu_ns\"\nabove = 1\n"));
  const auto table =
      parse_toml({"p.toml", "[proc.check.c]\nabove = 9\nfor = \"7s\"\nseverity = \"fatal\"\n"},
                 parsed.diagnostics);
  parsed.model.apply_override(*table, parsed.diagnostics);
  ASSERT_FALSE(parsed.diagnostics.has_errors()) << parsed.diagnostics.render({});
  const Check& check = parsed.model.find("proc")->checks.at(0);
  EXPECT_EQ(check.above, 9.0);
  EXPECT_EQ(check.hold, 7s);
  EXPECT_EQ(check.severity, wire::Severity::fatal);
}

TEST(Override, RefusesUnknownNamesAndValuesThatDoNotFit) {
  struct Case {
    std::string_view text;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"[prc.check.c]\nabove = 1\n", "unknown entity \"prc\"; did you mean \"proc\"?"},
           {"[proc.check.d]\nabove = 1\n", "has no check \"d\""},
           {"[proc.check.c]\nabov = 1\n", "did you mean \"above\"?"},
           {"[proc.check.c]\ntext = \"x\"\n", "unknown key \"text\""},
           {"[proc.check.c]\nbelow = 5\n", "below must not exceed above"},
           {"[proc.hazard.c]\nprior = 1\n", "unknown key \"hazard\""},
           {"[proc]\ncheck = 1\n", "[override.proc.check.<id>]"},
           {"proc = 1\n", "must be a table"},
       }) {
    Parsed parsed = parse(check_with("metric = \"cpu_ns\"\nabove = 1\n"));
    const auto table = parse_toml({"p.toml", std::string(one.text)}, parsed.diagnostics);
    parsed.model.apply_override(*table, parsed.diagnostics);
    expect_one(parsed.diagnostics, one.expected, one.text);
  }
}

RecordSchemas offered() {
  using wire::ColumnKind;
  return {{"system.proc",
           {{{"tgid", ColumnKind::integer},
             {"cpu_ns", ColumnKind::integer},
             {"runq_delay", ColumnKind::histogram}}}},
          {"tcp_link.links",
           {{{"tgid", ColumnKind::integer},
             {"cookie", ColumnKind::integer},
             {"role", ColumnKind::text},
             {"state", ColumnKind::text},
             {"remote_ip", ColumnKind::text},
             {"retran_packets", ColumnKind::integer}}}}};
}

TEST(Schemas, AcceptWhatSourcesOfferAndWhatIsDerived) {
  const Parsed parsed = parse();
  Diagnostics diagnostics;
  parsed.model.check_against(offered(), diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render({});
}

TEST(Schemas, ReportEveryColumnThatNobodyOffers) {
  struct Case {
    std::string_view table;
    std::string_view renamed;
    std::string_view column;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"system.proc", "cpu_ns", "cpu_nsec",
                "no column \"cpu_ns\"; did you mean \"cpu_nsec\"?"},
           {"system.proc", "tgid", "pid", "do not carry the key \"tgid\""},
           {"tcp_link.links", "cookie", "c", "no column \"cookie\""},
           {"tcp_link.links", "state", "s", "no column \"state\""},
           {"tcp_link.links", "remote_ip", "r", "no column \"remote_ip\""},
       }) {
    const Parsed parsed = parse();
    RecordSchemas schemas = offered();
    for (RecordColumn& column : schemas.find(one.table)->second.columns) {
      if (column.name == one.renamed) {
        column.name = one.column;
      }
    }
    Diagnostics diagnostics;
    parsed.model.check_against(schemas, diagnostics);
    expect_one(diagnostics, one.expected, one.renamed);
  }
}

TEST(Schemas, ReportUnknownTablesAndWrongKinds) {
  const Parsed parsed = parse("[label.colour]\nabout = \"Not measured by anybody.\"\n");
  RecordSchemas schemas = offered();
  schemas["system.proc"].columns[2].kind = wire::ColumnKind::number;
  schemas["tcp_link.link"] = schemas.extract("tcp_link.links").mapped();
  Diagnostics diagnostics;
  parsed.model.check_against(schemas, diagnostics);
  const std::string text = diagnostics.render({});
  EXPECT_THAT(text, HasSubstr("did you mean \"tcp_link.link\"?"));
  EXPECT_THAT(text, HasSubstr("\"delay\" is a histogram, but the column"));
  EXPECT_THAT(text, HasSubstr("label \"colour\" is neither"));
  EXPECT_EQ(diagnostics.sorted().size(), 3U) << text;
}

TEST(Samples, AreReadAndFitTheRecords) {
  const Parsed parsed = parse(
      "[samples]\nfrom = \"tcp_link.links\"\nrename = { tgid = \"cookie\" }\n"
      "where = { role = [\"server\"] }\nfailed = [\"cpu_ns\"]\nslow = [\"delay\"]\n");
  ASSERT_FALSE(parsed.diagnostics.has_errors()) << parsed.diagnostics.render({});
  const std::optional<Samples>& samples = parsed.model.find("proc")->samples;
  ASSERT_TRUE(samples);
  EXPECT_EQ(samples->column_of("tgid"), "cookie");
  EXPECT_EQ(samples->column_of("peer"), "peer");
  Diagnostics diagnostics;
  parsed.model.check_against(offered(), diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render({});
}

TEST(Samples, AreRefusedWhereNamesDoNotFit) {
  struct Case {
    std::string_view lines;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"from = \"links\"\n", "must be \"<probe>.<table>\""},
           {"from = \"a.b\"\nrename = { tgd = \"x\" }\n", "did you mean \"tgid\"?"},
           {"from = \"a.b\"\nslow = [\"delai\"]\n", "did you mean \"delay\"?"},
           {"from = \"a.b\"\nfast = [\"delay\"]\n", "unknown key \"fast\""},
       }) {
    expect_one(parse("[samples]\n" + std::string(one.lines)).diagnostics, one.expected, one.lines);
  }
  for (const Case& one : {
           Case{"from = \"tcp_link.link\"\n", "did you mean \"tcp_link.links\"?"},
           {"from = \"tcp_link.links\"\nrename = { tgid = \"tgd\" }\n", "did you mean \"tgid\"?"},
           {"from = \"tcp_link.links\"\nwhere = { rol = [\"server\"] }\n",
            "did you mean \"role\"?"},
       }) {
    Diagnostics diagnostics;
    parse("[samples]\n" + std::string(one.lines)).model.check_against(offered(), diagnostics);
    expect_one(diagnostics, one.expected, one.lines);
  }
}

TEST(EntityId, JoinsKeysAndReplacesWhatIsNotAllowed) {
  const std::vector<std::string> keys{"42", "/var/lib", "a b"};
  EXPECT_EQ(entity_id("m0", "fs", keys), "m0_fs_42_:var:lib_a:b");
  EXPECT_EQ(entity_id("m0", "host", {}), "m0_host");
}

// Long keys (paths, command lines) that differ only at their end are two things.
TEST(EntityId, StaysShortAndDistinct) {
  const std::vector<std::string> one{std::string(400, 'x') + "1"};
  const std::vector<std::string> two{std::string(400, 'x') + "2"};
  EXPECT_EQ(entity_id("m", "e", one).size(), 254U);
  EXPECT_NE(entity_id("m", "e", one), entity_id("m", "e", two));
}

TEST(Fill, ReplacesKnownNamesOnly) {
  const auto lookup = [](std::string_view name) -> std::optional<std::string> {
    return name == "a" ? std::optional<std::string>("1") : std::nullopt;
  };
  EXPECT_EQ(fill("{a}{b}{a", lookup), "1{b}{a");
  EXPECT_EQ(fill("", lookup), "");
  EXPECT_EQ(fill("{}x", lookup), "{}x");
}

}  // namespace
}  // namespace gala
