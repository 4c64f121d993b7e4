// The stage: when it speaks, how often, about how many KPIs, and how sure it is.
#include "stages/infer/infer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/event.h"

namespace gala {
namespace {

using namespace std::chrono_literals;

constexpr BootTime begin{1000s};

Model test_model() {
  const std::string head = "[entity]\nabout = \"a\"\nzh = \"a\"\nlevel = \"process\"\n";
  const std::string tables = "[key.id]\nabout = \"a\"\n[table.main]\nfrom = \"probe.main\"\n";
  const auto metric = [](const std::string& name, const std::string& more) {
    return "[metric." + name +
           "]\ntable = \"main\"\ntype = \"gauge\"\nunit = \"s\"\nabout = \"a\"\nzh = \"a\"\n" +
           more;
  };
  const std::vector<SourceText> files{
      {"disk.toml", head + tables + metric("await", "")},
      {"sli.toml",
       head + tables + metric("latency", "kpi = true\n") + metric("errors", "kpi = true\n") + R"(
[[check]]
id = "fails"
metric = "errors"
kind = "deviation"
text = "fails"
zh = "fails"
[[cause]]
effect = "errors"
of = "disk.await"
path = [">uses:disk"]
prior = 0.8
above = 0.001
keyword = "disk"
text = "disk {cause.id} takes {cause.value}"
zh = "{cause.id} {cause.value}"
[[check]]
id = "slow"
metric = "latency"
kind = "deviation"
text = "slow"
zh = "slow"
[[cause]]
effect = "latency"
of = "disk.await"
path = [">uses:disk"]
prior = 0.9
above = 0.001
keyword = "disk"
text = "disk {cause.id} takes {cause.value}"
zh = "{cause.id} {cause.value}"
)"}};
  Diagnostics diagnostics;
  return Model::parse(files, diagnostics);
}

/// Two services, each with its disk; every tick is a window of one second.
class World {
 public:
  explicit World(Infer::Config config = {})
      : infer_(config, {model_, "m1", "test", "infer", 1s, "", ""}) {}

  void show_topology() {
    wire::TopologySnapshotT snapshot;
    snapshot.version = 1;
    snapshot.kinds = {"uses"};
    for (const std::string number : {"1", "2"}) {
      for (const std::string entity : {"sli", "disk"}) {
        auto node = std::make_unique<wire::NodeT>();
        node->entity = entity;
        node->entity_id = entity + number;
        node->machine_id = "m1";
        node->labels.push_back(std::make_unique<wire::LabelT>());
        node->labels.back()->name = "id";
        node->labels.back()->value = number;
        snapshot.nodes.push_back(std::move(node));
      }
      const auto last = static_cast<std::uint32_t>(snapshot.nodes.size());
      snapshot.edges.emplace_back(0, last - 2, shares_ ? 1 : last - 1);
    }
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::TopologySnapshot::Pack(builder, &snapshot));
    infer_.on(*flatbuffers::GetRoot<wire::TopologySnapshot>(builder.GetBufferPointer()), Envelope{},
              out_);
  }

  /// The second service uses the first one's disk.
  void share_the_disk() { shares_ = true; }

  /// One window in which the disks of the given services are slow.
  void window(bool slow1, bool slow2 = false, std::uint64_t lost = 0) {
    ++windows_;
    see("disk", "await", slow1 ? 0.05 : 0.0005, slow2 ? 0.05 : 0.0005, lost);
    see("sli", "latency", slow1 ? 0.06 : 0.001, slow2 ? 0.06 : 0.001, lost);
  }

  void tick() {
    infer_.tick(now(), out_);
    for (const Outgoing& item : out_.items()) {
      flatbuffers::Verifier verifier(item.payload.data(), item.payload.size());
      ASSERT_TRUE(wire::VerifyDiagnosisBuffer(verifier));
      said.emplace_back();
      wire::GetDiagnosis(item.payload.data())->UnPackTo(&said.back());
    }
    out_.clear();
  }

  void settle() {
    show_topology();
    for (int i = 0; i < 40; ++i) {
      window(false);
      tick();
    }
  }

  /// The KPI of a service is abnormal since `windows_ago` windows; when it was so before, since
  /// `first_windows_ago` for the first time.
  void event(const std::string& sli, wire::EventState state, int windows_ago = 0,
             const std::string& metric = "latency", int first_windows_ago = 0) {
    wire::EventT out;
    out.event_id = "event_" + sli + (metric == "latency" ? "" : "_" + metric);
    out.entity_id = sli;
    out.entity = "sli";
    out.machine_id = "m1";
    out.metric = metric;
    out.statistic = "value";
    out.kind = wire::EventKind::app;
    out.state = state;
    out.started_ns = (now().boot - std::chrono::seconds{windows_ago}).ns();
    out.last_abnormal_ns = now().boot.ns();
    if (first_windows_ago > 0) {
      out.reopened = 1;
      out.last_abnormal_ns = out.started_ns;
      out.started_ns = (now().boot - std::chrono::seconds{first_windows_ago}).ns();
    }
    out.text = sli + " is slow.";
    const auto payload = to_message(out);
    infer_.on(*flatbuffers::GetRoot<wire::Event>(payload.data()), Envelope{}, out_);
  }

  [[nodiscard]] Instant now() const { return {begin + std::chrono::seconds{windows_}, WallTime{}}; }

  Infer& infer() { return infer_; }

  std::vector<wire::DiagnosisT> said;

 private:
  void see(const std::string& entity, const std::string& metric, double one, double two,
           std::uint64_t lost) {
    Batch batch;
    const auto id = batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key);
    const auto value = batch.add_column(metric, wire::ColumnKind::number, wire::ColumnRole::metric);
    batch.column(id).add(std::string_view(entity + "1"));
    batch.column(id).add(std::string_view(entity + "2"));
    batch.column(value).add(one);
    batch.column(value).add(two);
    const auto payload =
        to_observations(batch, entity, "main", {"m1", 0, now().boot.ns(), 0, lost});
    infer_.on(*flatbuffers::GetRoot<wire::Observations>(payload.data()), Envelope{}, out_);
  }

  Model model_ = test_model();
  Infer infer_;
  Outbox out_;
  int windows_ = 0;
  bool shares_ = false;
};

TEST(Infer, SpeaksAsSoonAsACauseConvinces) {
  World world;
  world.settle();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  const wire::DiagnosisT& said = world.said[0];
  EXPECT_EQ(said.version, 1U);
  EXPECT_EQ(said.diagnosis_id, "event_sli1");
  ASSERT_EQ(said.causes.size(), 1U);
  EXPECT_EQ(said.causes[0]->entity_id, "disk1");
  EXPECT_EQ(said.causes[0]->sentence, "disk 1 takes 50 ms");
  EXPECT_EQ(said.causes[0]->began_ns, (begin + 40s).ns());
  EXPECT_EQ(said.causes[0]->path.size(), 2U);
  EXPECT_EQ(said.causes[0]->path[0]->relation, "<uses");
  EXPECT_EQ(said.causes[0]->evidence[0]->values.size(), 42U);
  EXPECT_EQ(said.kpi_series->values.size(), 42U);
  EXPECT_EQ(said.said_ns, world.now().boot.ns());
  EXPECT_EQ(said.bent_ns, (begin + 41s).ns());
}

TEST(Infer, ExplainsWhatCameBackFromItsReturn) {
  World world;
  world.settle();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1, "latency", 12);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_EQ(world.said[0].bent_ns, (begin + 41s).ns());
}

TEST(Infer, ExplainsAnewWhatCameBackBeforeItWasClosed) {
  World world;
  world.settle();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  for (int i = 0; i < 20; ++i) {
    world.window(false);
    world.tick();
  }
  const auto said_before = world.said.size();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::updated, 1, "latency", 23);
  world.tick();
  ASSERT_GT(world.said.size(), said_before);
  EXPECT_EQ(world.said.back().bent_ns, (begin + 63s).ns());
  EXPECT_GT(world.said.back().version, world.said[said_before - 1].version);
}

TEST(Infer, GoesOnCountingTheVersionsOfAnEventThatCameBack) {
  World world;
  world.settle();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  world.event("sli1", wire::EventState::closed, 1);
  world.window(false);
  world.tick();
  for (int i = 0; i < 20; ++i) {
    world.window(false);
    world.tick();
  }
  const std::uint32_t before = world.said.back().version;
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1, "latency", 24);
  world.tick();
  EXPECT_EQ(world.said.back().version, before + 1);
}

TEST(Infer, SaysAfterItsPatienceThatItFoundNothing) {
  World world;
  world.settle();
  world.event("sli1", wire::EventState::open);
  for (int i = 0; i < 3; ++i) {
    world.tick();
    world.window(false);
  }
  EXPECT_TRUE(world.said.empty());
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_TRUE(world.said[0].causes.empty());
  EXPECT_EQ(world.said[0].ruled_out.at(0)->reason, "did not change");
  EXPECT_NE(world.said[0].sentence.find("No cause found"), std::string::npos);
}

TEST(Infer, RepeatsItselfOnlyWhenTheRankingChanged) {
  World world;
  world.settle();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1);
  for (int i = 0; i < 30; ++i) {
    world.tick();
    world.window(true);
  }
  world.event("sli1", wire::EventState::closed, 31);
  world.tick();
  EXPECT_EQ(world.said.size(), 1U);
}

TEST(Infer, CorrectsItselfWhenACauseAppears) {
  Infer::Config config;
  config.patience = 0s;
  World world(config);
  world.settle();
  world.event("sli1", wire::EventState::open);
  world.tick();
  for (int i = 0; i < 12; ++i) {
    world.window(true);
    world.tick();
  }
  ASSERT_EQ(world.said.size(), 2U);
  EXPECT_TRUE(world.said[0].causes.empty());
  EXPECT_EQ(world.said[1].version, 2U);
  EXPECT_EQ(world.said[1].causes.at(0)->entity_id, "disk1");
}

TEST(Infer, ExplainsSeveralKpisEachByItsOwnCause) {
  World world;
  world.settle();
  world.window(true, true);
  world.window(true, true);
  world.event("sli1", wire::EventState::open, 1);
  world.event("sli2", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 2U);
  EXPECT_EQ(world.said[0].causes.at(0)->entity_id, "disk1");
  EXPECT_EQ(world.said[1].causes.at(0)->entity_id, "disk2");
}

TEST(Infer, TellsKpisOfOneEntityInOneDiagnosis) {
  World world;
  world.settle();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1);
  world.event("sli1", wire::EventState::open, 1, "errors");
  world.tick();
  world.window(true);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  ASSERT_EQ(world.said[0].kpis.size(), 2U);
  EXPECT_EQ(world.said[0].kpis[0]->event_id, "event_sli1");
  EXPECT_EQ(world.said[0].kpis[1]->metric, "errors");
  EXPECT_EQ(world.said[0].causes.at(0)->entity_id, "disk1");
  world.event("sli1", wire::EventState::closed, 1);
  world.event("sli1", wire::EventState::closed, 1, "errors");
  world.window(false);
  world.tick();
  SelfReport report;
  world.infer().report(report);
  const auto open = std::find_if(report.gauges.begin(), report.gauges.end(),
                                 [](const auto& gauge) { return gauge.name == "open_cases"; });
  ASSERT_NE(open, report.gauges.end());
  EXPECT_EQ(open->value, 0);
}

TEST(Infer, NamesALaterKpiOfTheIncidentInTheNextVersion) {
  World world;
  world.settle();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  for (int i = 0; i < 4; ++i) {
    world.window(true);
    world.tick();
  }
  world.event("sli1", wire::EventState::open, 1, "errors");
  for (int i = 0; i < 4; ++i) {
    world.window(true);
    world.tick();
  }
  ASSERT_EQ(world.said.size(), 2U);
  EXPECT_EQ(world.said[1].diagnosis_id, "event_sli1");
  EXPECT_EQ(world.said[1].version, 2U);
  EXPECT_EQ(world.said[1].kpis.size(), 2U);
}

TEST(Infer, TellsServicesWithOneCauseInOneDiagnosis) {
  World world;
  world.share_the_disk();
  world.settle();
  world.window(true, true);
  world.window(true, true);
  world.event("sli1", wire::EventState::open, 1);
  world.event("sli2", wire::EventState::open, 1);
  for (int i = 0; i < 10; ++i) {
    world.tick();
    world.window(true, true);
  }
  ASSERT_EQ(world.said.size(), 2U);
  EXPECT_EQ(world.said[1].diagnosis_id, world.said[0].diagnosis_id);
  EXPECT_EQ(world.said[1].kpis.size(), 2U);
}

TEST(Infer, IsSurerOfACauseWithABetterScore) {
  Infer::Config config;
  config.confidence_offset = -3;
  World world(config);
  world.settle();
  world.window(true);
  world.window(true);
  world.event("sli1", wire::EventState::open, 1);
  world.tick();
  ASSERT_EQ(world.said.size(), 1U);
  const double score = world.said[0].causes.at(0)->score;
  const double exponent = -3 + config.confidence_score * score;
  EXPECT_NEAR(world.said[0].confidence, 1 / (1 + std::exp(-exponent)), 1e-9);
}

TEST(Infer, BoundsTheOpenCases) {
  Infer::Config config;
  config.max_open = 1;
  World world(config);
  world.settle();
  world.window(true, true);
  world.window(true, true);
  world.event("sli1", wire::EventState::open, 1);
  world.event("sli2", wire::EventState::open, 1);
  world.tick();
  EXPECT_EQ(world.said.size(), 1U);
  SelfReport report;
  world.infer().report(report);
  EXPECT_EQ(report.complaints.size(), 1U);
}

TEST(Infer, IsLessSureWhenRowsWereLost) {
  double score[2] = {0, 0};
  for (const bool loses : {false, true}) {
    World world;
    world.settle();
    world.window(true, false, loses ? 4 : 0);
    world.window(true, false, loses ? 4 : 0);
    world.event("sli1", wire::EventState::open, 1);
    for (int i = 0; i < 4; ++i) {
      world.window(true, false, loses ? 4 : 0);
      world.tick();
    }
    ASSERT_FALSE(world.said.empty());
    score[loses ? 1 : 0] = world.said[0].causes.at(0)->score;
    EXPECT_EQ(world.said[0].lost > 0, loses);
  }
  EXPECT_LT(score[1], score[0]);
}

TEST(Infer, AdmitsThatItDoesNotKnowTheEntity) {
  World world;
  world.window(true);
  world.event("nobody", wire::EventState::open);
  for (int i = 0; i < 5; ++i) {
    world.tick();
    world.window(true);
  }
  ASSERT_EQ(world.said.size(), 1U);
  EXPECT_TRUE(world.said[0].causes.empty());
}

TEST(Infer, SpeaksBeforeItStops) {
  World world;
  world.settle();
  world.window(true);
  world.event("sli1", wire::EventState::open);
  Outbox out;
  world.infer().drain(world.now(), out);
  EXPECT_EQ(out.items().size(), 1U);
}

TEST(Infer, SurvivesEmptyMessages) {
  World world;
  Outbox out;
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::ObservationsBuilder(builder).Finish());
  world.infer().on(*flatbuffers::GetRoot<wire::Observations>(builder.GetBufferPointer()),
                   Envelope{}, out);
  builder.Clear();
  wire::EventBuilder event(builder);
  event.add_kind(wire::EventKind::app);
  event.add_started_ns(~std::uint64_t{0});
  event.add_wall_offset_ns(std::numeric_limits<std::int64_t>::max());
  builder.Finish(event.Finish());
  world.infer().on(*flatbuffers::GetRoot<wire::Event>(builder.GetBufferPointer()), Envelope{}, out);
  for (int i = 0; i < 5; ++i) {
    world.window(false);
    world.tick();
  }
  EXPECT_EQ(world.said.size(), 1U);
}

}  // namespace
}  // namespace gala
