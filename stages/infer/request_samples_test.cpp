// Which single requests a diagnosis shows: those of its entities, of its time, the worst first.
#include "stages/infer/request_samples.h"

#include <gmock/gmock.h>

#include <limits>

#include "stages/infer/infer_testing.h"

namespace gala::infer {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::entity_file;
using ::testing::IsEmpty;
using testing::metric_text;

Model api_model() {
  return testing::model_of(
      {entity_file("port",
                   metric_text("latency") + metric_text("failures") +
                       "[samples]\nfrom = \"l7.samples\"\nrename = { id = \"server_port\" }\n"
                       "where = { role = [\"server\"] }\n"
                       "failed = [\"failures\"]\nslow = [\"latency\"]\n"),
       entity_file("api", metric_text("failures") +
                              "[samples]\nfrom = \"l7.samples\"\nrename = { id = \"api\" }\n"
                              "failed = [\"failures\"]\n"),
       entity_file("disk", metric_text("await"))});
}

struct Asked {
  std::string api = "GET";
  Duration at = 10s;
  Duration lasts = 1ms;
  std::string error = "none";
  std::uint64_t port = 80;
  std::string role = "server";
};

/// A memory of samples, and what sources tell it.
class Memory {
 public:
  explicit Memory(std::size_t limit = 100) : samples(model_, limit) {}

  void tell(const std::vector<Asked>& all, const std::string& table = "l7.samples") {
    Batch batch;
    const auto column = [&](const char* name, wire::ColumnKind kind) {
      return batch.add_column(name, kind);
    };
    for (const char* name : {"role", "api", "error", "client_ip"}) {
      column(name, wire::ColumnKind::text);
    }
    for (const char* name : {"server_port", "at_ns", "duration_ns"}) {
      column(name, wire::ColumnKind::integer);
    }
    for (const Asked& one : all) {
      batch.column(0).add(std::string_view(one.role));
      batch.column(1).add(std::string_view(one.api));
      batch.column(2).add(std::string_view(one.error));
      batch.column(3).add(std::string_view("10.0.0.7"));
      batch.column(4).add(one.port);
      batch.column(5).add(static_cast<std::uint64_t>(one.at.count()));
      batch.column(6).add(static_cast<std::uint64_t>(one.lasts.count()));
    }
    const auto payload = to_records(batch, table, {"m1", 0, 0, 0, 0}, false);
    samples.take(*flatbuffers::GetRoot<wire::Records>(payload.data()), clocks);
  }

  /// The apis of what is shown for one metric.
  std::vector<std::string> shown(const std::string& entity, const std::string& id,
                                 const std::string& metric, Duration since = 0s,
                                 std::size_t most = 5) const {
    const std::vector<NamedSeries> named{{id, entity, metric}};
    std::vector<std::string> apis;
    for (const ShownSample& one : samples.show(named, {since}, most)) {
      EXPECT_EQ(one.entity_id, id);
      apis.push_back(one.sample.api);
    }
    return apis;
  }

 private:
  Model model_ = api_model();

 public:
  Clocks clocks;
  RequestSamples samples;
};

TEST(RequestSamples, ShowsTheSlowestOfAnEntityForAMetricOfTime) {
  Memory memory;
  memory.tell({{"a", 10s, 3ms}, {"b", 11s, 9ms}, {"c", 12s, 5ms, "server"}, {"d", 9s, 9ms}});
  EXPECT_THAT(memory.shown("port", "m1_port_80", "latency"), ElementsAre("b", "d", "c", "a"));
  EXPECT_THAT(memory.shown("port", "m1_port_80", "latency", 0s, 2), ElementsAre("b", "d"));
}

TEST(RequestSamples, ShowsTheNewestFailedOnesForAMetricOfFailures) {
  Memory memory;
  memory.tell({{"a", 10s, 3ms, "server"},
               {"b", 11s, 9ms},
               {"c", 12s, 1ms, "server"},
               {"d", 13s, 1ms, "client"}});
  EXPECT_THAT(memory.shown("port", "m1_port_80", "failures"), ElementsAre("c", "a"));
  EXPECT_THAT(memory.shown("api", "m1_api_a", "failures"), ElementsAre("a"));
}

TEST(RequestSamples, ShowsNothingOfOthers) {
  Memory memory;
  memory.tell({{.api = "a", .port = 81}, {.api = "b", .role = "client"}});
  EXPECT_THAT(memory.shown("port", "m1_port_80", "latency"), IsEmpty());
  EXPECT_THAT(memory.shown("port", "m1_port_81", "await"), IsEmpty()) << "no such metric";
  EXPECT_THAT(memory.shown("disk", "m1_disk_81", "await"), IsEmpty()) << "nothing of its kind";
  memory.tell({{.api = "c"}}, "l7.apis");
  EXPECT_THAT(memory.shown("port", "m1_port_80", "latency"), IsEmpty()) << "another table";
}

TEST(RequestSamples, ShowsWhatEndedInTheTimeAlthoughItBeganBefore) {
  Memory memory;
  memory.tell({{"over", 10s, 1s}, {"long", 10s, 8s}});
  EXPECT_THAT(memory.shown("port", "m1_port_80", "latency", 15s), ElementsAre("long"));
}

TEST(RequestSamples, TakesTheSeriesInTurnAndEachSampleOnce) {
  Memory memory;
  memory.tell({{"a", 10s, 3ms, "server"}, {"b", 11s, 9ms}});
  const std::vector<NamedSeries> named{{"m1_api_a", "api", "failures"},
                                       {"m1_port_80", "port", "latency"}};
  const auto shown = memory.samples.show(named, {}, 5);
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_EQ(shown[0].entity_id, "m1_api_a");
  EXPECT_EQ(shown[1].sample.api, "b");
}

TEST(RequestSamples, StayWithinTheirLimitAndForgetTheOldest) {
  Memory memory(2);
  memory.tell({{"a"}, {"b"}, {"c", 20s}});
  EXPECT_EQ(memory.samples.size(), 2U);
  EXPECT_EQ(memory.samples.displaced(), 1U);
  memory.samples.forget_before({15s});
  EXPECT_THAT(memory.shown("port", "m1_port_80", "latency"), ElementsAre("c"));
  Memory none(0);
  none.tell({{"a"}});
  EXPECT_EQ(none.samples.size(), 0U);
}

TEST(RequestSamples, BearTimesAndTextsBeyondAllMeasure) {
  Memory memory;
  memory.tell({{std::string(100'000, 'x'), Duration::min(), Duration::max()},
               {"b", Duration::max(), Duration::min()}});
  const std::vector<NamedSeries> named{{"m1_port_80", "port", "latency"}};
  const auto shown = memory.samples.show(named, {}, 5);
  ASSERT_FALSE(shown.empty());
  EXPECT_LE(shown[0].sample.api.size(), 128U);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::RecordsBuilder(builder).Finish());
  memory.samples.take(*flatbuffers::GetRoot<wire::Records>(builder.GetBufferPointer()),
                      memory.clocks);
}

/// One request to the first service.
void tell(Infer& infer, const std::string& api, BootTime at) {
  Batch batch;
  batch.add_column("api", wire::ColumnKind::text);
  batch.add_column("id", wire::ColumnKind::integer);
  batch.add_column("at_ns", wire::ColumnKind::integer);
  batch.column(0).add(std::string_view(api));
  batch.column(1).add(std::uint64_t{1});
  batch.column(2).add(at.ns());
  const auto payload = to_records(batch, "l7.samples", {"m1", 0, 0, 0, 0}, false);
  Outbox out;
  infer.on(*flatbuffers::GetRoot<wire::Records>(payload.data()), Envelope{}, out);
}

/// From the records to the message, also of a KPI that nothing explains.
TEST(Infer, ShowsRequestsOfTheTimeInItsDiagnosis) {
  testing::World world(
      {}, testing::model_of({entity_file(
              "sli", testing::kpi_text("latency") +
                         "[samples]\nfrom = \"l7.samples\"\nslow = [\"latency\"]\n")}));
  world.rest(40);
  tell(world.infer(), "GET /before", world.now().boot - 30s);
  tell(world.infer(), "GET /now", world.now().boot - 1s);
  world.event("m1_sli_1", wire::EventState::open, 1);
  world.rest(4);
  ASSERT_EQ(world.said.size(), 1U);
  ASSERT_EQ(world.said[0].samples.size(), 1U);
  const wire::RequestSampleT& shown = *world.said[0].samples[0];
  EXPECT_EQ(shown.api, "GET /now");
  EXPECT_EQ(shown.entity_id, "m1_sli_1");
  EXPECT_EQ(shown.began_ns, (testing::begin + 39s).ns());
}

}  // namespace
}  // namespace gala::infer
