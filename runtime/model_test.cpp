// Model files: what is right, one case for each thing that can be wrong, overrides, record schemas,
// ids.
#include "runtime/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace gala {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::string_view proc_head = R"([entity]
about = "A process."
zh = "进程"
level = "process"
expire = "30s"
[key.tgid]
about = "Process id."
[label.comm]
about = "Name."
)";

constexpr std::string_view proc_tables = R"([table.cpu]
from = "system.proc"
[metric.cpu_ns]
table = "cpu"
type = "counter"
unit = "s"
scale = 1e-9
per = "second"
about = "CPU time."
zh = "CPU 时间"
[metric.delay]
table = "cpu"
field = "runq_delay"
type = "histogram"
unit = "s"
kpi = true
worse = "high"
about = "Waiting."
zh = "等待"
)";

constexpr std::string_view link = R"([entity]
about = "A connection."
zh = "连接"
level = "rpc"
[key.tgid]
about = "Process id."
[key.peer]
about = "Other side."
[label.role]
about = "client or server."
[table.links]
from = "tcp_link.links"
instance = ["cookie"]
where = { state = ["established", 1] }
rename = { peer = "remote_ip" }
[metric.retran_packets]
table = "links"
type = "counter"
unit = "1"
about = "Sent again."
zh = "重传"
[[relation]]
kind = "belongs_to"
to = "proc"
match = { tgid = "tgid" }
where = { role = "client" }
)";

struct Parsed {
  Model model;
  Diagnostics diagnostics;
};

/// The two entities, with `tail` after the tables of proc.
Parsed parse(std::string_view tail = "", std::string_view head = proc_head) {
  const std::vector<SourceText> files{
      {"proc.toml", std::string(head) + std::string(proc_tables) + std::string(tail)},
      {"tcp_link.toml", std::string(link)}};
  Parsed parsed;
  parsed.model = Model::parse(files, parsed.diagnostics);
  return parsed;
}

/// Requires that exactly one thing is wrong, said in these words.
void expect_one(const Diagnostics& diagnostics, std::string_view expected, std::string_view what) {
  const auto found = diagnostics.sorted();
  ASSERT_EQ(found.size(), 1U) << what << "\n" << diagnostics.render({});
  EXPECT_THAT(found.front().text, HasSubstr(expected)) << what;
  EXPECT_GT(found.front().place.line, 0U) << what;
}

TEST(Model, ReadsEveryPart) {
  const Parsed parsed = parse(R"([[check]]
id = "slow"
metric = "delay"
statistic = "p95"
kind = "deviation"
baseline = "120s"
warmup = "20s"
factor = 4
least_change = 0.5
least_count = 20
for = "3s"
clear_for = "10s"
severity = "error"
text = "{comm} waits {value}"
zh = "{comm} 等待 {value}"
[[cause]]
effect = "delay"
of = "tcp_link.retran_packets"
path = ["<belongs_to:tcp_link"]
where = { role = ["server"] }
within = "10s"
prior = 0.7
above = 1
keyword = "network"
text = "{cause.peer} lost {cause.value} for {effect.comm}, {kpi.tgid}"
zh = "{cause.peer}"
)");
  ASSERT_FALSE(parsed.diagnostics.has_errors()) << parsed.diagnostics.render({});
  const Entity* proc = parsed.model.find("proc");
  ASSERT_NE(proc, nullptr);
  EXPECT_EQ(proc->expire, 30s);
  EXPECT_EQ(proc->find_metric("cpu_ns")->field, "cpu_ns") << "the metric's own name";
  EXPECT_EQ(proc->find_metric("delay")->field, "runq_delay");
  EXPECT_TRUE(proc->find_metric("delay")->kpi);
  const Check& check = proc->checks.at(0);
  EXPECT_EQ(check.kind, Check::Kind::deviation);
  EXPECT_EQ(check.statistic, Statistic::p95);
  EXPECT_EQ(check.hold, 3s);
  EXPECT_EQ(check.severity, wire::Severity::error);
  const Cause& cause = proc->causes.at(0);
  EXPECT_EQ(cause.cause_entity, "tcp_link");
  EXPECT_EQ(cause.path.at(0).relation, "belongs_to");
  EXPECT_FALSE(cause.path.at(0).forward);
  const Entity* tcp_link = parsed.model.find("tcp_link");
  EXPECT_EQ(tcp_link->keys.at(1).name, "peer") << "identity is the order of the file";
  EXPECT_EQ(tcp_link->tables.at(0).where.at("state").at(1), "1");
  EXPECT_EQ(tcp_link->relations.at(0).where.at("role").at(0), "client");
}

std::string check_with(std::string_view lines) {
  return "[[check]]\nid = \"c\"\ntext = \"t\"\nzh = \"t\"\n" + std::string(lines);
}

TEST(Model, ChecksChecks) {
  struct Case {
    std::string_view lines;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"metric = \"cpu_n\"\nabove = 1\n",
                "no metric of \"proc\"; did you mean \"cpu_ns\"?"},
           {"metric = \"cpu_ns\"\n", "has no limit"},
           {"metric = \"cpu_ns\"\nabove = 1\nbelow = 2\n", "below must not exceed above"},
           {"metric = \"cpu_ns\"\nabove = 1\nclear = 2\n", "good side"},
           {"metric = \"cpu_ns\"\nbelow = 1\nclear = 0\n", "good side"},
           {"metric = \"cpu_ns\"\nabove = 1\nstatistic = \"p95\"\n", "needs a histogram"},
           {"metric = \"delay\"\nabove = 1\n", "is a histogram and has no single value"},
           {"metric = \"delay\"\nabove = 1\nstatistic = \"p96\"\n", "did you mean \"p"},
           {"metric = \"cpu_ns\"\nkind = \"deviation\"\nfactor = 4\n", "needs a baseline"},
           {"metric = \"cpu_ns\"\nkind = \"deviation\"\nbaseline = \"60s\"\n", "needs a factor"},
           {"metric = \"cpu_ns\"\nkind = \"deviation\"\nbaseline = \"60s\"\nfactor = 4\n"
            "warmup = \"61s\"\n",
            "never judge"},
           {"metric = \"cpu_ns\"\nabove = 1\nleast_count = 3\n", "needs count_metric"},
           {"metric = \"cpu_ns\"\nabove = 1\ncount_metric = \"delai\"\n",
            "did you mean \"delay\"?"},
           {"metric = \"cpu_ns\"\nabove = 1\nseverity = \"wran\"\n", "did you mean \"warn\"?"},
           {"metric = \"cpu_ns\"\nabove = 1\nkind = \"x\"\n", "\"limit\" or \"deviation\""},
           {"metric = \"cpu_ns\"\nabov = 1\nbelow = 0\n", "unknown key \"abov\""},
           {"above = 1\n", "lacks \"metric\""},
       }) {
    const Parsed parsed = parse(check_with(one.lines));
    const auto found = parsed.diagnostics.sorted();
    // A wrong statistic leaves the default, which is wrong for a histogram too.
    ASSERT_GE(found.size(), 1U) << one.lines;
    EXPECT_THAT(parsed.diagnostics.render({}), HasSubstr(one.expected)) << one.lines;
  }
}

TEST(Model, ChecksSentences) {
  expect_one(parse("[[check]]\nid = \"c\"\nmetric = \"cpu_ns\"\nabove = 1\n"
                   "text = \"{comn}\"\nzh = \"{comm}\"\n")
                 .diagnostics,
             "uses {comn}", "a placeholder of nobody");
  expect_one(
      parse("[[check]]\nid = \"c\"\nmetric = \"cpu_ns\"\nabove = 1\ntext = \"t\"\n").diagnostics,
      "lacks \"zh\"", "one language only");
}

std::string cause_with(std::string_view lines) {
  return "[[cause]]\nkeyword = \"cpu\"\nzh = \"t\"\n" + std::string(lines);
}

TEST(Model, ChecksCauses) {
  struct Case {
    std::string_view lines;
    std::string_view expected;
  };
  constexpr std::string_view ok = "";
  for (
      const Case& one : {
          Case{"text=\"t\"\neffect=\"delay\"\nof=\"cpu_ns\"\n", ok},
          {"text=\"t\"\neffect=\"delay\"\nof=\"proc.cpu_ns\"\n", ok},
          {"text=\"t\"\neffect=\"dely\"\nof=\"cpu_ns\"\n", "the effect \"dely\" is no metric"},
          {"text=\"t\"\neffect=\"delay\"\nof=\"cpu\"\n", "has no metric \"cpu\""},
          {"text=\"t\"\neffect=\"delay\"\nof=\"tcp_lnik.retran_packets\"\n",
           "unknown entity \"tcp_lnik\"; did you mean \"tcp_link\"?"},
          {"text=\"t\"\neffect=\"delay\"\nof=\"tcp_link.retran_packets\"\n",
           "the path does not lead to \"tcp_link\""},
          {"text=\"t\"\neffect=\"delay\"\nof=\"tcp_link.retran_packets\"\npath=[\">belongs_to\"]\n",
           "no declared relation leads from proc"},
          {"text=\"t\"\neffect=\"delay\"\nof=\"tcp_link.retran_packets\"\npath=[\"<belongs_to\"]\n",
           ok},
          {"text=\"t\"\neffect=\"delay\"\nof=\"tcp_link.retran_packets\"\npath=[\"belongs_to\"]\n",
           "cannot read the hop"},
          {"text=\"t\"\neffect=\"delay\"\nof=\"tcp_link.retran_packets\"\npath=[\"<belong_to\"]\n",
           "did you mean \"belongs_to\"?"},
          {"text=\"t\"\neffect=\"delay\"\nof=\"tcp_link.retran_packets\"\npath=[\"<belongs_to:"
           "tcp\"]\n",
           "unknown entity \"tcp\""},
          {"text=\"t\"\neffect=\"delay\"\nof=\"cpu_ns\"\nwhere={ rol = \"x\" }\n",
           "no key or label \"rol\""},
          {"text=\"t\"\neffect=\"delay\"\nof=\"cpu_ns\"\nprior=2\n", "\"prior\" is 2"},
          {"text=\"t\"\neffect=\"delay\"\nof=\"delay\"\n", "is a histogram"},
          {"text=\"{comm}\"\neffect=\"delay\"\nof=\"cpu_ns\"\n", "uses {comm}"},
          {"text=\"{cause.role}\"\neffect=\"delay\"\nof=\"cpu_ns\"\n", "uses {cause.role}"},
      }) {
    const Parsed parsed = parse(cause_with(one.lines));
    if (one.expected.empty()) {
      EXPECT_FALSE(parsed.diagnostics.has_errors()) << one.lines << parsed.diagnostics.render({});
    } else {
      EXPECT_THAT(parsed.diagnostics.render({}), HasSubstr(one.expected)) << one.lines;
    }
  }
}

TEST(Model, ChecksRelations) {
  struct Case {
    std::string_view lines;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"kind=\"run_on\"\nto=\"tcp_link\"\n", "did you mean \"runs_on\"?"},
           {"kind=\"runs_on\"\nto=\"hst\"\n", "unknown entity \"hst\""},
           {"kind=\"runs_on\"\nto=\"tcp_link\"\nmatch={ pid = \"tgid\" }\n", "\"proc\" has no key"},
           {"kind=\"runs_on\"\nto=\"tcp_link\"\nmatch={ tgid = \"pid\" }\n",
            "\"tcp_link\" has no key"},
           {"kind=\"runs_on\"\nto=\"tcp_link\"\nwhere={ role = \"x\" }\n", "\"proc\" has no key"},
           {"kind=\"runs_on\"\nto=\"tcp_link\"\nto_where={ comm = \"x\" }\n",
            "\"tcp_link\" has no key"},
           {"kind=\"runs_on\"\nto=\"tcp_link\"\nabsent=[\"pod\"]\n", "\"proc\" has no key"},
           {"kind=\"is_peer\"\nto=\"tcp_link\"\nacross_hosts=true\n", "needs \"match\""},
           {"kind=\"is_peer\"\nto=\"tcp_link\"\nmatch=3\n", "wants a table of names"},
       }) {
    expect_one(parse("[[relation]]\n" + std::string(one.lines)).diagnostics, one.expected,
               one.lines);
  }
}

TEST(Model, ChecksEntitiesKeysTablesAndMetrics) {
  struct Case {
    std::string_view tail;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"[metric.x]\ntable=\"cpu\"\ntype=\"gauge\"\nunit=\"1\"\nzh=\"t\"\n",
                "lacks \"about\""},
           {"[metric.x]\ntable=\"cpu\"\ntype=\"gauge\"\nunit=\"1\"\nabout=\"t\"\n", "lacks \"zh\""},
           {"[metric.x]\ntable=\"cpu\"\ntype=\"gauge\"\nabout=\"t\"\nzh=\"t\"\n", "lacks \"unit\""},
           {"[metric.x]\ntable=\"cpu\"\ntype=\"gauge\"\nunit=\"sec\"\nabout=\"t\"\nzh=\"t\"\n",
            "unknown unit \"sec\""},
           {"[metric.x]\ntable=\"cpu\"\nunit=\"1\"\nabout=\"t\"\nzh=\"t\"\n", "lacks \"type\""},
           {"[metric.x]\ntable=\"cpu\"\ntype=\"gage\"\nunit=\"1\"\nabout=\"t\"\nzh=\"t\"\n",
            "did you mean \"gauge\"?"},
           {"[metric.x]\ntable=\"cpus\"\ntype=\"gauge\"\nunit=\"1\"\nabout=\"t\"\nzh=\"t\"\n",
            "unknown table \"cpus\"; did you mean \"cpu\"?"},
           {"[metric.x]\ntable=\"cpu\"\ntype=\"gauge\"\nunit=\"1\"\nscale=0\nabout=\"t\"\nzh="
            "\"t\"\n",
            "scale = 0"},
           {"[metric.comm]\ntable=\"cpu\"\ntype=\"gauge\"\nunit=\"1\"\nabout=\"t\"\nzh=\"t\"\n",
            "is a key or label too"},
           {"[metric._x]\ntable=\"cpu\"\ntype=\"gauge\"\nunit=\"1\"\nabout=\"t\"\nzh=\"t\"\n",
            "cannot name a metric"},
           {"[label.tgid]\nabout=\"t\"\n", "both a key and a label"},
           {"[label.x]\n", "lacks \"about\""},
           {"[table.t]\nfrom=\"system\"\n", "\"<probe>.<table>\""},
           {"[table.t]\nfrom=\"system.x\"\nrename={ commm = \"x\" }\n", "did you mean \"comm\"?"},
           {"[table.t]\nfrom=\"system.x\"\nwhere={ a = [] }\n", "allows no value"},
           {"[table.t]\nfrom=\"system.x\"\nwhere={ a = [{}] }\n", "wants a text or a whole number"},
           {"[tables.t]\nfrom=\"system.x\"\n", "unknown key \"tables\"; did you mean \"table\"?"},
           {"[check]\nid = \"c\"\n", "must be written as [[check]]"},
       }) {
    expect_one(parse(one.tail).diagnostics, one.expected, one.tail);
  }
}

TEST(Model, ChecksTheHeadAndTheFileName) {
  Diagnostics diagnostics;
  const std::vector<SourceText> files{{"a/Bad-Name.toml", "[key.a]\nabout = \"x\"\n"},
                                      {"x.toml", "[entity]\nlevel = \"hosts\"\nexpire = \"0s\"\n"},
                                      {"b/x.toml", "[entity]\nlevel = \"host\"\n"},
                                      {"broken.toml", "[entity\n"}};
  Model::parse(files, diagnostics);
  const std::string text = diagnostics.render({});
  for (const std::string_view expected :
       {"\"Bad-Name\" cannot name an entity", "no [entity] table", "did you mean \"host\"?",
        "at least 1s|between 1s", "a second file for entity \"x\"", "broken.toml:1",
        "has no [key.…]"}) {
    const auto bar = expected.find('|');
    EXPECT_TRUE(
        text.find(expected.substr(0, bar)) != std::string::npos ||
        (bar != std::string_view::npos && text.find(expected.substr(bar + 1)) != std::string::npos))
        << expected << "\n"
        << text;
  }
}

TEST(Model, DuplicateChecksAreFound) {
  expect_one(
      parse(check_with("metric=\"cpu_ns\"\nabove=1\n") + check_with("metric=\"cpu_ns\"\nabove=1\n"))
          .diagnostics,
      "a second check \"c\"", "two of one id");
}

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
           {"[proc.cause.c]\nprior = 1\n", "unknown key \"cause\""},
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
           {{"tgid", ColumnKind::integer},
            {"cpu_ns", ColumnKind::integer},
            {"runq_delay", ColumnKind::histogram}}},
          {"tcp_link.links",
           {{"tgid", ColumnKind::integer},
            {"cookie", ColumnKind::integer},
            {"state", ColumnKind::text},
            {"remote_ip", ColumnKind::text},
            {"retran_packets", ColumnKind::integer}}}};
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
    for (RecordColumn& column : schemas.find(one.table)->second) {
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
  schemas["system.proc"][2].kind = wire::ColumnKind::number;
  schemas["tcp_link.link"] = schemas.extract("tcp_link.links").mapped();
  Diagnostics diagnostics;
  parsed.model.check_against(schemas, diagnostics);
  const std::string text = diagnostics.render({});
  EXPECT_THAT(text, HasSubstr("did you mean \"tcp_link.link\"?"));
  EXPECT_THAT(text, HasSubstr("\"delay\" is a histogram, but the column"));
  EXPECT_THAT(text, HasSubstr("label \"colour\" is neither"));
  EXPECT_EQ(diagnostics.sorted().size(), 3U) << text;
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
