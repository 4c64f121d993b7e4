// Which topic a message goes to, under which key, and how much it is worth.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/time.h"
#include "runtime/model/model.h"
#include "schemas/wire/diagnosis_generated.h"
#include "schemas/wire/event_generated.h"
#include "schemas/wire/incident_generated.h"
#include "schemas/wire/observations_generated.h"
#include "stages/kafka-sink/delivery_queue.h"

namespace gala::kafka_sink {

/// Topic names; an empty one receives nothing.
struct Topics {
  std::string events;
  std::string abnormal_kpis;
  std::string diagnoses;
  std::string metadata;
  std::string metrics;
  std::string incidents = {};
};

/// Every event goes to `events`; that of an application KPI also to `abnormal_kpis`.
std::vector<KafkaMessage> route(const wire::Event& event, const Topics& topics);
std::vector<KafkaMessage> route(const wire::Incident& incident, const Topics& topics);
std::vector<KafkaMessage> route(const wire::Diagnosis& diagnosis, const Topics& topics);
/// One message for each row.
std::vector<KafkaMessage> route(const wire::Observations& observations, const Topics& topics);
/// One message for each table of the model.
std::vector<KafkaMessage> route_metadata(const Model& model, WallTime now, const Topics& topics);

}  // namespace gala::kafka_sink
