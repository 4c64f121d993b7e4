// Model files: what is right, and one case for each thing that can be wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "runtime/model/testing.h"

namespace gala {
namespace {

using namespace std::chrono_literals;
using testing::check_with;
using testing::expect_one;
using ::testing::HasSubstr;
using testing::parse;
using testing::Parsed;

constexpr std::string_view every_part = R"([[check]]
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
[group.slow]
metrics = ["delay"]
[[hazard]]
id = "busy"
kind = "stall"
metric = "cpu_ns"
method = "shares_in_group"
together = "comm"
prior = 0.8
above = 1
keyword = "cpu"
text = "{cause.comm} takes {cause.value}{cause.together} from {effect.comm}, {kpi.tgid}"
zh = "{cause.comm}{cause.together}"
[[exposure]]
suffers = "slow"
to = "stall"
factor = 0.5
within = "5s"
covers = 0.2
rate = "cpu_ns"
)";

TEST(Model, ReadsEveryPart) {
  const Parsed parsed = parse(every_part);
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
  EXPECT_EQ(cause.effect, "delay");
  EXPECT_EQ(cause.entity, "proc");
  EXPECT_EQ(cause.hazard.metric, "cpu_ns");
  EXPECT_EQ(cause.hazard.method, Method::shares_in_group);
  EXPECT_DOUBLE_EQ(cause.hazard.prior, 0.4);
  EXPECT_EQ(cause.hazard.within, 5s) << "the exposure's";
  EXPECT_EQ(cause.exposure.rate, "cpu_ns");
  const Entity* tcp_link = parsed.model.find("tcp_link");
  EXPECT_EQ(tcp_link->keys.at(1).name, "peer") << "identity is the order of the file";
  EXPECT_EQ(tcp_link->tables.at(0).where.at("state").at(1), "1");
  EXPECT_EQ(tcp_link->relations.at(0).where.at("role").at(0), "client");
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
           {"metric = \"cpu_ns\"\nabove = 1\nkind = \"x\"\n",
            "\"limit\", \"deviation\", \"joint\" or \"peers\""},
           {"metric = \"cpu_ns\"\nabove = 1\namong = [\"comm\"]\n", "needs kind = \"peers\""},
           {"metric = \"cpu_ns\"\nkind = \"peers\"\nbaseline = \"60s\"\nfactor = 4\n"
            "among = [\"com\"]\n",
            "did you mean \"comm\"?"},
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

constexpr std::string_view busy =
    "[[hazard]]\nid=\"busy\"\nmetric=\"cpu_ns\"\nabove=1\nkeyword=\"cpu\"\nzh=\"t\"\ntext=\"t\"\n";
constexpr std::string_view suffers = "[[exposure]]\nsuffers=\"delay\"\n";

TEST(Model, ChecksHazards) {
  struct Case {
    std::string_view lines;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_n\"\n", "did you mean \"cpu_ns\"?"},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"delay\"\n", "is a histogram"},
           {"id=\"busy\"\ntext=\"t\"\nmetric=\"cpu_ns\"\n", "a second hazard \"busy\""},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_ns\"\nwhere={ rol = \"x\" }\n",
            "no key or label \"rol\""},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_ns\"\nprior=2\n", "\"prior\" is 2"},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_ns\"\nabove=1\nbelow=2\n", "must not exceed"},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_ns\"\nmethod=\"levl\"\n",
            "did you mean \"level\"?"},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_ns\"\nmethod=\"shares_in_group\"\n",
            "needs \"together\""},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_ns\"\nmethod=\"shares_in_group\"\ntogether="
            "\"com\"\n",
            "did you mean \"comm\"?"},
           {"id=\"a\"\ntext=\"{cause.together}\"\nmetric=\"cpu_ns\"\nmethod=\"shares_in_group\"\n",
            "\"zh\" of hazard \"a\" lacks {cause.together}"},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_ns\"\nbelow=1\n", "hazard \"a\" lacks \"above\""},
           {"id=\"a\"\ntext=\"t\"\nmetric=\"cpu_ns\"\nabove=1\ndirection=\"low\"\n",
            "hazard \"a\" lacks \"below\""},
           {"id=\"a\"\ntext=\"{comm}\"\nmetric=\"cpu_ns\"\n", "uses {comm}"},
           {"id=\"a\"\ntext=\"{cause.role}\"\nmetric=\"cpu_ns\"\n", "uses {cause.role}"},
           {"id=\"lone\"\ntext=\"t\"\nmetric=\"cpu_ns\"\n", "\"lone\" harms nothing"},
       }) {
    const Parsed parsed =
        parse(std::string(busy) + std::string(suffers) + "to=[\"busy\",\"proc.a\"]\n" +
              "[[hazard]]\nkeyword=\"cpu\"\nzh=\"t\"\n" + std::string(one.lines));
    EXPECT_THAT(parsed.diagnostics.render({}), HasSubstr(one.expected)) << one.lines;
  }
}

// Two hazards of one series, equally believed: their ids decide, however they are worded.
TEST(Model, TheWordsOfHazardsDoNotOrderThem) {
  const auto hazard = [](const std::string& id, const std::string& text) {
    return "[[hazard]]\nid=\"" + id +
           "\"\nkind=\"busy\"\nmetric=\"cpu_ns\"\nabove=1\nkeyword=\"cpu\"\nzh=\"t\"\ntext=\"" +
           text + "\"\n";
  };
  for (const auto& [first, second] : {std::pair{"x", "y"}, {"y", "x"}}) {
    const Parsed parsed =
        parse(hazard("b", first) + hazard("a", second) + std::string(suffers) + "to=\"busy\"\n");
    ASSERT_FALSE(parsed.diagnostics.has_errors()) << parsed.diagnostics.render({});
    const auto& causes = parsed.model.find("proc")->causes;
    ASSERT_EQ(causes.size(), 2U);
    EXPECT_EQ(causes[0].hazard.id, "a");
    EXPECT_EQ(causes[1].hazard.id, "b");
  }
}

TEST(Model, ChecksExposures) {
  struct Case {
    std::string_view lines;
    std::string_view expected;
  };
  constexpr std::string_view ok;
  for (const Case& one : {
           Case{"suffers=\"delay\"\nto=\"busy\"\n", ok},
           {"suffers=\"delay\"\nto=\"proc.busy\"\n", ok},
           {"suffers=\"delay\"\nto=\"busy\"\npath=[\"<belongs_to\",\">belongs_to\"]\n", ok},
           {"suffers=\"dely\"\nto=\"busy\"\n", "\"dely\" is no metric or group of \"proc\""},
           {"suffers=\"delay\"\nto=\"bussy\"\n", "has no hazard \"bussy\"; did you mean \"busy\"?"},
           {"suffers=\"delay\"\nto=\"busy\"\npath=[\"<belongs_to\"]\n", "\"tcp_link\" at the end"},
           {"suffers=\"delay\"\nto=\"busy\"\npath=[\">belongs_to\"]\n",
            "no declared relation leads from"},
           {"suffers=\"delay\"\nto=\"busy\"\npath=[\"belongs_to\"]\n", "cannot read the hop"},
           {"suffers=\"delay\"\nto=\"busy\"\npath=[\"<belong_to\"]\n",
            "did you mean \"belongs_to\"?"},
           {"suffers=\"delay\"\nto=\"busy\"\npath=[\"<belongs_to:tcp\"]\n",
            "unknown entity \"tcp\""},
           {"suffers=\"delay\"\nto=\"busy\"\nrate=\"cpu_ns\"\n", "needs \"covers\""},
           {"suffers=\"delay\"\nto=\"busy\"\ncovers=1\nrate=\"cpu_n\"\n",
            "did you mean \"cpu_ns\"?"},
           {"suffers=\"delay\"\nto=\"busy\"\nneeds=[\"proc.x\"]\n", "is no \"entity.metric\""},
           {"suffers=\"delay\"\nto=\"busy\"\nneeds=[\"tcp_link.retran_packets\"]\n",
            "does not lead to \"tcp_link\""},
       }) {
    const Parsed parsed = parse(std::string(busy) + "[[exposure]]\n" + std::string(one.lines));
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

TEST(Model, ChecksKindsOfRelations) {
  struct Case {
    std::string_view text;
    std::string_view expected;
  };
  for (const Case& one : {
           Case{"[kind.a]\nabout=\"t\"\nzh=\"t\"\nrole=\"pat\"\n", "did you mean \"part\"?"},
           {"[kind.a]\nabout=\"t\"\n", "lacks \"zh\""},
           {"[kind]\na={ about=\"t\", zh=\"t\", role=\"peer\" }\n"
            "b={ about=\"t\", zh=\"t\", role=\"peer\" }\n",
            "\"b\" and \"a\" have the same role"},
           {"[kinds.a]\n", "no kinds of relations"},
       }) {
    Diagnostics diagnostics;
    const std::vector<SourceText> files{{"relations.toml", std::string(one.text)}};
    const Model model = Model::parse(files, diagnostics);
    EXPECT_THAT(diagnostics.render({}), HasSubstr(one.expected)) << one.text;
  }
  EXPECT_EQ(parse().model.kind_with(RelationRole::part), "belongs_to");
  EXPECT_EQ(parse().model.kind_with(RelationRole::talk), "") << "no kind of this model has it";
}

TEST(Model, IsIncompleteWithoutItsKindsOfRelations) {
  const std::filesystem::path directory =
      std::filesystem::path(::testing::TempDir()) / ("model_" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "proc.toml") << testing::proc_head << testing::proc_tables;
  std::vector<SourceText> sources;
  Diagnostics without;
  Model::load(directory.string(), sources, without);
  EXPECT_THAT(without.render({}), HasSubstr("relations.toml: the model lacks this file"));
  std::ofstream(directory / "relations.toml") << testing::relation_kinds;
  Diagnostics with;
  Model::load(directory.string(), sources, with);
  EXPECT_FALSE(with.has_errors()) << with.render({});
  std::filesystem::remove_all(directory);
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
           {"[table.t]\nfrom=[]\n", "at least one record table"},
           {"[table.t]\nfrom=[\"system.x\",\"system\"]\n", "\"<probe>.<table>\""},
           {"[table.t]\nfrom=\"system.x\"\nrename={ commm = \"x\" }\n", "did you mean \"comm\"?"},
           {"[table.t]\nfrom=\"system.x\"\nwhere={ a = [] }\n", "allows no value"},
           {"[table.t]\nfrom=\"system.x\"\nwhere={ a = [{}] }\n", "wants a text or a whole number"},
           {"[tables.t]\nfrom=\"system.x\"\n", "unknown key \"tables\"; did you mean \"table\"?"},
           {"[check]\nid = \"c\"\n", "must be written as [[check]]"},
       }) {
    expect_one(parse(one.tail).diagnostics, one.expected, one.tail);
  }
}

TEST(Model, ReadsATableForEachSource) {
  const Parsed parsed = parse("[table.t]\nfrom=[\"system.x\",\"system.y\"]\ninstance=[\"a\"]\n");
  EXPECT_FALSE(parsed.diagnostics.has_errors()) << parsed.diagnostics.render({});
  const Entity* proc = parsed.model.find("proc");
  ASSERT_NE(proc, nullptr);
  std::vector<std::string> sources;
  for (const Table& table : proc->tables) {
    if (table.name == "t") {
      sources.push_back(table.from);
      EXPECT_THAT(table.instance, ::testing::ElementsAre("a"));
    }
  }
  EXPECT_THAT(sources, ::testing::ElementsAre("system.x", "system.y"));
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

}  // namespace
}  // namespace gala
