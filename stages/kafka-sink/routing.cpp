// Messages → topic, key, lane, JSON.
#include "stages/kafka-sink/routing.h"

#include "runtime/core/wire.h"
#include "runtime/text/json.h"

namespace gala::kafka_sink {
namespace {}  // namespace

std::vector<KafkaMessage> route(const wire::Event& event, const Topics& topics) {
  std::vector<KafkaMessage> messages;
  const std::string key(text_of(event.entity_id()));
  const std::string json = event_json(event);
  if (!topics.events.empty()) {
    messages.push_back({Lane::events, topics.events, key, json, "event/1", 0});
  }
  if (!topics.abnormal_kpis.empty() && event.kind() == wire::EventKind::app) {
    messages.push_back({Lane::events, topics.abnormal_kpis, key, json, "event/1", 0});
  }
  return messages;
}

std::vector<KafkaMessage> route(const wire::Incident& incident, const Topics& topics) {
  if (topics.incidents.empty()) {
    return {};
  }
  return {{Lane::events, topics.incidents, std::string(text_of(incident.incident_id())),
           incident_json(incident), "incident/1", 0}};
}

std::vector<KafkaMessage> route(const wire::Diagnosis& diagnosis, const Topics& topics) {
  if (topics.diagnoses.empty()) {
    return {};
  }
  return {{Lane::events, topics.diagnoses, std::string(text_of(diagnosis.kpi_entity_id())),
           diagnosis_json(diagnosis), "diagnosis/1", 0}};
}

std::vector<KafkaMessage> route(const wire::Observations& observations, const Topics& topics) {
  std::vector<KafkaMessage> messages;
  if (!topics.metrics.empty()) {
    for (KeyedJson& row : observation_json(observations)) {
      messages.push_back({Lane::metrics, topics.metrics, std::move(row.key), std::move(row.json),
                          "observation/1", 0});
    }
  }
  return messages;
}

std::vector<KafkaMessage> route_metadata(const Model& model, WallTime now, const Topics& topics) {
  std::vector<KafkaMessage> messages;
  if (!topics.metadata.empty()) {
    for (KeyedJson& table : metadata_json(model, now)) {
      messages.push_back({Lane::metadata, topics.metadata, std::move(table.key),
                          std::move(table.json), "metadata/1", 0});
    }
  }
  return messages;
}

}  // namespace gala::kafka_sink
