// The JSON that leaves the system: documented names, true numbers, ids that join, any text escaped.
#include "runtime/text/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "runtime/core/batch.h"

namespace gala {
namespace {

using nlohmann::json;
constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::int64_t wall_offset_ns = 1'700'000'000'000'000'000;

template <class Message>
class Built {
 public:
  template <class Object>
  explicit Built(const Object& object) {
    builder_.Finish(Message::Pack(builder_, &object));
  }
  const Message& get() { return *flatbuffers::GetRoot<Message>(builder_.GetBufferPointer()); }

 private:
  flatbuffers::FlatBufferBuilder builder_;
};

std::unique_ptr<wire::LabelT> label(std::string name, std::string value) {
  auto made = std::make_unique<wire::LabelT>();
  made->name = std::move(name);
  made->value = std::move(value);
  return made;
}

wire::EventT backlog_drops() {
  wire::EventT event;
  event.event_id = "1700000001000_m1_tcp_link_7_backlog_drops";
  event.entity_id = "m1_tcp_link_7";
  event.entity = "tcp_link";
  event.machine_id = "m1";
  event.metric = "backlog_drops";
  event.statistic = "value";
  event.check = "drops";
  event.severity = wire::Severity::warn;
  event.started_ns = 1 * second_ns;
  event.last_abnormal_ns = 31 * second_ns;
  event.updated_ns = 32 * second_ns;
  event.wall_offset_ns = wall_offset_ns;
  event.value = 13;
  event.worst = 15;
  event.expected_low = std::numeric_limits<double>::quiet_NaN();
  event.expected_high = 5;
  event.score = 2.6;
  event.occurrences = 6;
  event.text = "TCP backlog queue drops(13).";
  event.labels.push_back(label("tgid", "7"));
  return event;
}

json encoded(const wire::EventT& event) {
  return json::parse(event_json(Built<wire::Event>(event).get()));
}

TEST(EventJson, HasTheDocumentedFields) {
  const json event = encoded(backlog_drops());
  EXPECT_EQ(event["Timestamp"], 1'700'000'032'000);
  EXPECT_EQ(event["event_id"], "1700000001000_m1_tcp_link_7_backlog_drops");
  const json& attributes = event["Attributes"];
  EXPECT_EQ(attributes["entity_id"], "m1_tcp_link_7");
  EXPECT_EQ(attributes["event_id"], event["event_id"]);
  EXPECT_EQ(attributes["event_type"], "sys");
  EXPECT_EQ(attributes["duration"], 30.0);
  EXPECT_EQ(attributes["occurred count"], 6);
  EXPECT_EQ(event["Resource"]["metrics"], "gala_gopher_tcp_link_backlog_drops");
  EXPECT_EQ(event["Resource"]["metric"], "gala_gopher_tcp_link_backlog_drops");
  EXPECT_EQ(event["SeverityText"], "WARN");
  EXPECT_EQ(event["SeverityNumber"], 13);
  EXPECT_EQ(event["Body"],
            "20231114T221352+0000 WARN Entity(m1_tcp_link_7) TCP backlog queue drops(13).");
}

// The earlier analysis died of a score that was a string, and lost causes to reduced labels.
TEST(EventJson, KeepsNumbersNumbersAndLabelsWhole) {
  const json event = encoded(backlog_drops());
  EXPECT_TRUE(event["Resource"]["score"].is_number());
  EXPECT_EQ(event["Resource"]["labels"], (json{{"machine_id", "m1"}, {"tgid", "7"}}));
  EXPECT_TRUE(event["Resource"]["expected"]["low"].is_null());
  EXPECT_EQ(event["Resource"]["expected"]["high"], 5.0);
}

TEST(EventJson, TellsWhetherTheEventLasts) {
  wire::EventT event = backlog_drops();
  EXPECT_EQ(encoded(event)["is_anomaly"], true);
  EXPECT_TRUE(encoded(event)["Attributes"]["ending"].is_null());
  event.state = wire::EventState::closed;
  event.ending = wire::Ending::new_level;
  EXPECT_EQ(encoded(event)["is_anomaly"], false);
  EXPECT_EQ(encoded(event)["Attributes"]["state"], "closed");
  EXPECT_EQ(encoded(event)["Attributes"]["ending"], "new_level");
}

TEST(EventJson, EscapesWhateverALabelHolds) {
  wire::EventT event = backlog_drops();
  const std::string hostile = "a\"b\\c\n|\x01";
  event.labels.push_back(label("comm", hostile));
  event.labels.push_back(label("cmdline", "\xff\xfe broken"));
  const std::string line = event_json(Built<wire::Event>(event).get());
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const json parsed = json::parse(line);
  EXPECT_EQ(parsed["Resource"]["labels"]["comm"], hostile);
  EXPECT_EQ(parsed["Resource"]["labels"]["cmdline"], "\xEF\xBF\xBD\xEF\xBF\xBD broken");
}

TEST(EventJson, NamesTheCausesADetectorBlames) {
  wire::EventT event = backlog_drops();
  EXPECT_FALSE(encoded(event)["Resource"].contains("cause_metrics"));
  auto blame = std::make_unique<wire::BlameT>();
  blame->entity_id = "m1_disk_sda";
  blame->entity = "disk";
  blame->metric = "r_await";
  blame->score = 3.2;
  event.blames.push_back(std::move(blame));
  EXPECT_EQ(encoded(event)["Resource"]["cause_metrics"],
            json::parse(R"([{"metric":"gala_gopher_disk_r_await","entity_id":"m1_disk_sda",
                             "score":3.2}])"));
}

// Every optional field absent, every number as bad as it can be.
TEST(EventJson, SurvivesAnEmptyAndAnExtremeMessage) {
  EXPECT_TRUE(encoded(wire::EventT())["Attributes"]["entity_id"].get<std::string>().empty());
  flatbuffers::FlatBufferBuilder builder;
  wire::EventBuilder bare(builder);
  bare.add_updated_ns(std::numeric_limits<std::uint64_t>::max() / 2);
  bare.add_wall_offset_ns(std::numeric_limits<std::int64_t>::max());
  bare.add_score(std::numeric_limits<double>::infinity());
  builder.Finish(bare.Finish());
  const auto* event = flatbuffers::GetRoot<wire::Event>(builder.GetBufferPointer());
  EXPECT_TRUE(json::parse(event_json(*event))["Resource"]["score"].is_null());
}

std::unique_ptr<wire::StepT> step(std::string entity, std::string metric, std::string relation) {
  auto made = std::make_unique<wire::StepT>();
  made->entity_id = "m2_" + entity + "_1";
  made->machine_id = "m2";
  made->entity = std::move(entity);
  made->metric = std::move(metric);
  made->relation = std::move(relation);
  made->score = 0.5;
  return made;
}

wire::DiagnosisT disk_fault() {
  wire::DiagnosisT diagnosis;
  diagnosis.diagnosis_id = "1700000001000_m1_sli_42_latency";
  diagnosis.version = 2;
  diagnosis.machine_id = "m1";
  diagnosis.kpi_entity_id = "m1_sli_42";
  diagnosis.kpi_entity = "sli";
  diagnosis.kpi_metric = "latency";
  diagnosis.kpi_text = "latency rose";
  diagnosis.bent_ns = 10 * second_ns;
  diagnosis.said_ns = 14 * second_ns;
  diagnosis.wall_offset_ns = wall_offset_ns;
  diagnosis.severity = wire::Severity::warn;
  diagnosis.sentence = "The disk is busy.";
  auto cause = std::make_unique<wire::CauseT>();
  cause->rank = 1;
  cause->entity_id = "m2_disk_1";
  cause->machine_id = "m2";
  cause->entity = "disk";
  cause->metric = "r_await";
  cause->score = 0.9965;
  cause->keyword = "disk";
  cause->began_ns = 9 * second_ns;
  cause->path.push_back(step("disk", "r_await", "store_in"));
  cause->path[0]->began_ns = 9 * second_ns;
  cause->path.push_back(step("call", "latency", "is_client"));
  cause->path[1]->began_ns = 9'500'000'000;
  cause->path.push_back(step("proc", "", "runs_on"));
  cause->path.push_back(step("sli", "latency", ""));
  cause->path[3]->machine_id = "m1";
  cause->path[3]->began_ns = diagnosis.bent_ns;
  auto series = std::make_unique<wire::SeriesT>();
  series->entity_id = "m2_disk_1";
  series->metric = "r_await";
  series->times_ns = {8 * second_ns, 9 * second_ns};
  series->values = {1.5, std::numeric_limits<double>::quiet_NaN()};
  cause->evidence.push_back(std::move(series));
  diagnosis.causes.push_back(std::move(cause));
  return diagnosis;
}

TEST(DiagnosisJson, HasTheDocumentedFields) {
  const wire::DiagnosisT fault = disk_fault();
  const json diagnosis = json::parse(diagnosis_json(Built<wire::Diagnosis>(fault).get()));
  EXPECT_EQ(diagnosis["event_id"], fault.diagnosis_id);
  EXPECT_EQ(diagnosis["keywords"], json::array({"disk"}));
  const json& kpi = diagnosis["Resource"]["abnormal_kpi"];
  EXPECT_EQ(kpi["metric_id"], "gala_gopher_sli_latency");
  EXPECT_EQ(kpi["timestamp"], 1'700'000'010'000);
  EXPECT_EQ(kpi["metric_labels"]["machine_id"], "m1");
  const json& cause = diagnosis["Resource"]["cause_metrics"][0];
  EXPECT_EQ(cause["metric_id"], "gala_gopher_disk_r_await");
  EXPECT_EQ(cause["score"], 0.9965);
  EXPECT_EQ(cause["timestamp"], 1'700'000'009'000);
  EXPECT_EQ(diagnosis["Resource"]["desc"], "The disk is busy.");
  EXPECT_EQ(diagnosis["Attributes"]["seconds_to_diagnosis"], 4.0);
}

std::unique_ptr<wire::RequestSampleT> failed_request() {
  auto sample = std::make_unique<wire::RequestSampleT>();
  sample->entity_id = "m1_l7_42";
  sample->protocol = "http";
  sample->api = "GET /pay";
  sample->error = "server";
  sample->code = "500";
  sample->began_ns = 11 * second_ns;
  sample->duration_ns = 12'000'000;
  sample->peer = "10.0.0.7";
  sample->trace_id = "4bf92f35";
  return sample;
}

TEST(DiagnosisJson, ShowsSingleRequestsInWords) {
  wire::DiagnosisT fault = disk_fault();
  fault.samples.push_back(failed_request());
  fault.samples.push_back(failed_request());
  fault.samples[1]->error = "none";
  fault.samples[1]->trace_id = "";
  fault.samples.push_back(failed_request());
  fault.samples[2]->error = "client";
  fault.samples[2]->code = "\xff\"";
  const json diagnosis = json::parse(diagnosis_json(Built<wire::Diagnosis>(fault).get()));
  const json& samples = diagnosis["Resource"]["samples"];
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0]["desc"],
            "GET /pay failed with 500 after 12 ms, peer 10.0.0.7 (trace 4bf92f35)");
  EXPECT_EQ(samples[0]["desc_zh"],
            "GET /pay 失败，返回 500，用时 12 ms，对端 10.0.0.7（trace 4bf92f35）");
  EXPECT_EQ(samples[0]["timestamp"], 1'700'000'011'000);
  EXPECT_EQ(samples[0]["duration"], 0.012);
  EXPECT_EQ(samples[1]["desc"], "GET /pay took 12 ms, peer 10.0.0.7");
  EXPECT_EQ(samples[1]["desc_zh"], "GET /pay 用时 12 ms，对端 10.0.0.7");
  EXPECT_THAT(samples[2]["desc"], testing::HasSubstr("was refused with \uFFFD\" after 12 ms"));
}

TEST(DiagnosisJson, CarriesKpisRemediesAndConfidence) {
  wire::DiagnosisT fault = disk_fault();
  fault.confidence = 0.75;
  fault.kpis.push_back(std::make_unique<wire::AffectedKpiT>());
  fault.kpis[0]->event_id = "e2";
  fault.kpis[0]->entity = "sli";
  fault.kpis[0]->metric = "throughput";
  auto remedy = std::make_unique<wire::RemedyT>();
  remedy->id = "scheduler";
  remedy->target = "file:/sys/block/vda/queue/scheduler";
  remedy->propose = "set:none";
  fault.causes.at(0)->remedies.push_back(std::move(remedy));
  const json diagnosis = json::parse(diagnosis_json(Built<wire::Diagnosis>(fault).get()));
  EXPECT_EQ(diagnosis["Attributes"]["confidence"], 0.75);
  EXPECT_EQ(diagnosis["Resource"]["affected_kpis"][0]["metric_id"], "gala_gopher_sli_throughput");
  const json& offered = diagnosis["Resource"]["cause_metrics"][0]["remedies"][0];
  EXPECT_EQ(offered["target"], "file:/sys/block/vda/queue/scheduler");
  EXPECT_EQ(offered["propose"], "set:none");
}

TEST(DiagnosisJson, LeadsFromTheCauseToTheKpi) {
  const json diagnosis = json::parse(diagnosis_json(Built<wire::Diagnosis>(disk_fault()).get()));
  const json& path = diagnosis["Resource"]["cause_metrics"][0]["path"];
  ASSERT_EQ(path.size(), 4U);
  EXPECT_EQ(path[0]["timestamp"], 1'700'000'009'000);
  EXPECT_EQ(path[1]["timestamp"], 1'700'000'009'500);
  EXPECT_EQ(path[2]["metric_id"], "virtual_metric");
  EXPECT_TRUE(path[2]["timestamp"].is_null());
  EXPECT_EQ(path[3]["metric_id"], "gala_gopher_sli_latency");
  EXPECT_EQ(path[3]["timestamp"], 1'700'000'010'000);
}

// The cause is on another host than the KPI.
TEST(DiagnosisJson, LabelsEachStepWithItsOwnMachine) {
  const json diagnosis = json::parse(diagnosis_json(Built<wire::Diagnosis>(disk_fault()).get()));
  const json& cause = diagnosis["Resource"]["cause_metrics"][0];
  EXPECT_EQ(cause["metric_labels"]["machine_id"], "m2");
  EXPECT_EQ(cause["path"][0]["metric_labels"]["machine_id"], "m2");
  EXPECT_EQ(cause["path"][3]["metric_labels"]["machine_id"], "m1");
  EXPECT_EQ(diagnosis["Resource"]["abnormal_kpi"]["metric_labels"]["machine_id"], "m1");
}

TEST(DiagnosisJson, NamesWhatItRuledOutInFull) {
  wire::DiagnosisT fault = disk_fault();
  fault.ruled_out.push_back(std::make_unique<wire::RuledOutT>());
  fault.ruled_out[0]->entity = "cpu";
  fault.ruled_out[0]->metric = "util_per";
  const json diagnosis = json::parse(diagnosis_json(Built<wire::Diagnosis>(fault).get()));
  EXPECT_EQ(diagnosis["Resource"]["ruled_out"][0]["metric"], "gala_gopher_cpu_util_per");
}

TEST(DiagnosisJson, ShowsItsEvidence) {
  const json diagnosis = json::parse(diagnosis_json(Built<wire::Diagnosis>(disk_fault()).get()));
  const json& series = diagnosis["Resource"]["cause_metrics"][0]["evidence"][0];
  EXPECT_EQ(series["metric_id"], "gala_gopher_disk_r_await");
  EXPECT_EQ(series["points"], json::parse("[[1700000008000,1.5],[1700000009000,null]]"));
}

TEST(DiagnosisJson, SurvivesAnEmptyMessage) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::DiagnosisBuilder(builder).Finish());
  const auto* bare = flatbuffers::GetRoot<wire::Diagnosis>(builder.GetBufferPointer());
  EXPECT_TRUE(json::parse(diagnosis_json(*bare))["Resource"]["cause_metrics"].empty());
}

TEST(ObservationJson, SaysEachRowByRole) {
  Batch batch;
  using Kind = wire::ColumnKind;
  using Role = wire::ColumnRole;
  const auto id = batch.add_column("entity_id", Kind::text, Role::key);
  const auto disk = batch.add_column("disk_name", Kind::text, Role::label);
  const auto reads = batch.add_column("reads", Kind::integer, Role::metric);
  const auto await = batch.add_column("r_await", Kind::number, Role::metric);
  const auto latency = batch.add_column("latency", Kind::histogram, Role::metric);
  batch.column(latency).bounds = {0.5, 1, std::numeric_limits<double>::infinity()};
  batch.column(id).add("m1_disk_sda");
  batch.column(disk).add("sda");
  batch.column(reads).add(std::uint64_t{18446744073709551615U});
  batch.column(await).add(not_measured);
  batch.column(latency).add(Histogram{{1, 2, 1}, 4.5, 2.5});
  const auto bytes = to_observations(batch, "disk", "iostat", {"m1", 0, 5 * second_ns, 0, 0});
  const auto rows = observation_json(*flatbuffers::GetRoot<wire::Observations>(bytes.data()));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].key, "m1_disk_sda");
  EXPECT_EQ(rows[0].json,
            R"({"timestamp":5000,"machine_id":"m1","entity_name":"disk","table_name":"iostat",)"
            R"("entity_id":"m1_disk_sda","labels":{"disk_name":"sda"},)"
            R"("metrics":{"reads":18446744073709551615,"r_await":null},)"
            R"("histograms":{"latency":{"0.5":1,"1":3,"+Inf":4,"count":4,"sum":4.5,"max":2.5}}})");
}

TEST(ObservationJson, SaysNothingOfRowsWithoutAnEntity) {
  flatbuffers::FlatBufferBuilder builder;
  wire::ObservationsBuilder bare(builder);
  bare.add_rows(4'000'000'000U);
  builder.Finish(bare.Finish());
  EXPECT_TRUE(
      observation_json(*flatbuffers::GetRoot<wire::Observations>(builder.GetBufferPointer()))
          .empty());
}

// The earlier records left histograms out, so that their readers never learned of them.
TEST(MetadataJson, NamesKeysLabelsAndAllMetricsOfEachTable) {
  const SourceText disk{"disk.toml", R"([entity]
name = "disk"
about = "A disk."
[key.disk_name]
about = "Name."
[label.model]
about = "Model."
[table.iostat]
from = "system.disk"
about = "Figures."
[metric.r_await]
table = "iostat"
type = "gauge"
unit = "s"
about = "Wait."
[metric.latency]
table = "iostat"
type = "histogram"
unit = "s"
about = "Latency."
)"};
  Diagnostics diagnostics;
  const Model model = Model::parse(std::span(&disk, 1), diagnostics);
  const auto all = metadata_json(model, WallTime{std::chrono::seconds(1'700'000'000)});
  ASSERT_EQ(all.size(), 1U) << diagnostics.render({});
  EXPECT_EQ(all[0].key, "disk");
  EXPECT_EQ(json::parse(all[0].json), json::parse(R"({"timestamp":1700000000000,
      "meta_name":"iostat","entity_name":"disk","version":"1.0.0","keys":["machine_id","disk_name"],
      "labels":["model"],"metrics":["r_await","latency"]})"));
}

}  // namespace
}  // namespace gala
