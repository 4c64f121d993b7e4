// What is sent goes to the topic, and under the schema, that the documents name.
#include "stages/kafka-sink/routing.h"

#include <gmock/gmock.h>

#include "runtime/core/batch.h"
#include "runtime/core/read_file.h"
#include "stages/kafka-sink/kafka_sink.h"

namespace gala::kafka_sink {
namespace {

using testing::HasSubstr;

template <class Message, class Object>
std::vector<KafkaMessage> routed(const Object& object, const Topics& topics) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Message::Pack(builder, &object));
  return route(*flatbuffers::GetRoot<Message>(builder.GetBufferPointer()), topics);
}

/// One of each kind that a pipeline may send.
std::vector<KafkaMessage> one_of_each(const Topics& topics) {
  wire::EventT event;
  event.kind = wire::EventKind::app;
  Batch batch;
  batch.column(batch.add_column("entity_id", wire::ColumnKind::text, wire::ColumnRole::key))
      .add("m1_cpu_0");
  const auto rows = to_observations(batch, "cpu", "cpu", {});
  std::vector<SourceText> sources;
  Diagnostics diagnostics;
  const Model model =
      Model::load(std::string(GALA_SOURCE_DIR) + "/schemas/model", sources, diagnostics);
  std::vector<KafkaMessage> all;
  for (const auto& messages :
       {routed<wire::Event>(event, topics), routed<wire::Incident>(wire::IncidentT(), topics),
        routed<wire::Diagnosis>(wire::DiagnosisT(), topics),
        route(*flatbuffers::GetRoot<wire::Observations>(rows.data()), topics),
        route_metadata(model, WallTime(), topics)}) {
    EXPECT_FALSE(messages.empty());
    all.insert(all.end(), messages.begin(), messages.end());
  }
  return all;
}

TEST(Routing, SendsNothingThatTheDocumentsDoNotName) {
  const KafkaSink::Config config;
  const Topics topics{config.topic_events,   config.topic_abnormal_kpis, config.topic_diagnoses,
                      config.topic_metadata, config.topic_metrics,       config.topic_incidents};
  const std::string source = GALA_SOURCE_DIR;
  const auto json = read_file(source + "/docs/json.md");
  const auto readme = read_file(source + "/stages/kafka-sink/README.md");
  ASSERT_TRUE(json && readme);
  for (const KafkaMessage& message : one_of_each(topics)) {
    EXPECT_THAT(*json, HasSubstr("`" + message.topic + "`"));
    EXPECT_THAT(*readme, HasSubstr("`" + message.topic + "`"));
    EXPECT_THAT(*json, HasSubstr("`" + std::string(message.schema) + "`"));
  }
}

TEST(Routing, LeavesOutTopicsWithoutAName) {
  EXPECT_TRUE(routed<wire::Event>(wire::EventT(), {}).empty());
  EXPECT_TRUE(routed<wire::Incident>(wire::IncidentT(), {}).empty());
  EXPECT_TRUE(routed<wire::Diagnosis>(wire::DiagnosisT(), {}).empty());
}

}  // namespace
}  // namespace gala::kafka_sink
